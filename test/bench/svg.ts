export interface Series {
  name: string;
  /** Ours is drawn full, a floor dashed. */
  kind: "ours" | "floor";
  points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  title: string;
  /** With its unit. */
  xLabel: string;
  yLabel: string;
  /** Places on the logarithmic axis that get a number. */
  xTicks: readonly number[];
  series: readonly Series[];
}

const [WIDTH, HEIGHT] = [460, 330];
const PLOT = { left: 64, right: 24, top: 44, bottom: 96 };

/** Colours of the series in order, for a light and for a dark page; both can be told apart without red and green. */
const COLOURS = [
  ["#0072b2", "#56b4e9"],
  ["#b3470a", "#f0a35e"],
  ["#7b3f98", "#cf9fe8"],
  ["#5c6670", "#a9b4bf"],
] as const;

const style = (of: 0 | 1) => {
  const [text, grid, page] = of === 0 ? ["#1f2328", "#d5d9de", "#ffffff"] : ["#e6edf3", "#3a424c", "#0d1117"];
  const lines = COLOURS.map((pair, i) => `.s${i}{stroke:${pair[of]};fill:${pair[of]}}`);
  return [`.page{fill:${page}}text{fill:${text}}.grid{stroke:${grid}}`, ...lines].join("");
};

/** A picture of panels side by side, readable on light and dark pages. */
export function picture(panels: readonly Panel[], about: string): string {
  const width = WIDTH * panels.length;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" width="${width}" height="${HEIGHT}" role="img" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12">
<title>${escaped(about)}</title>
<style>${style(0)}@media (prefers-color-scheme:dark){${style(1)}}.line{fill:none;stroke-width:2}.floor{stroke-dasharray:6 4}.title{font-size:14px;font-weight:600}</style>
<rect class="page" width="${width}" height="${HEIGHT}"/>
${panels.map((panel, i) => `<g transform="translate(${i * WIDTH} 0)">\n${drawn(panel)}\n</g>`).join("\n")}
</svg>
`;
}

function drawn(panel: Panel): string {
  const xs = panel.series.flatMap(({ points }) => points.map(([x]) => x));
  const most = niceAbove(Math.max(...panel.series.flatMap(({ points }) => points.map(([, y]) => y))));
  const [low, high] = [Math.log(Math.min(...xs)), Math.log(Math.max(...xs))];
  const [right, bottom] = [WIDTH - PLOT.right, HEIGHT - PLOT.bottom];
  const x = (value: number) => PLOT.left + ((Math.log(value) - low) / (high - low)) * (right - PLOT.left);
  const y = (value: number) => bottom - (value / most) * (bottom - PLOT.top);
  const yTicks = Array.from({ length: 6 }, (_, i) => (most / 5) * i);
  const middle = (PLOT.top + bottom) / 2;
  return [
    `<text class="title" x="${PLOT.left}" y="24">${escaped(panel.title)}</text>`,
    ...yTicks.map(
      (tick) =>
        `<line class="grid" x1="${PLOT.left}" x2="${right}" y1="${at(y(tick))}" y2="${at(y(tick))}"/><text x="${PLOT.left - 6}" y="${at(y(tick) + 4)}" text-anchor="end">${short(tick)}</text>`,
    ),
    ...panel.xTicks.map(
      (tick) => `<text x="${at(x(tick))}" y="${bottom + 18}" text-anchor="middle">${short(tick)}</text>`,
    ),
    `<text x="${(PLOT.left + right) / 2}" y="${bottom + 38}" text-anchor="middle">${escaped(panel.xLabel)}</text>`,
    `<text transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${escaped(panel.yLabel)}</text>`,
    ...panel.series.map((series, i) => line(series, i, x, y)),
    ...panel.series.map((series, i) => legend(series, i, bottom + 58 + 16 * Math.floor(i / 2))),
  ].join("\n");
}

function line(
  { kind, points }: Series,
  i: number,
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const places = points.map(([px, py]) => [at(x(px)), at(y(py))] as const);
  const dots = places.map(([cx, cy]) => `<circle class="s${i}" cx="${cx}" cy="${cy}" r="3"/>`);
  return `<polyline class="line ${kind} s${i}" style="fill:none" points="${places.map((place) => place.join(",")).join(" ")}"/>${dots.join("")}`;
}

function legend({ name, kind }: Series, i: number, y: number): string {
  const x = PLOT.left + (i % 2) * 190;
  return `<line class="line ${kind} s${i}" x1="${x}" x2="${x + 26}" y1="${y}" y2="${y}"/><text x="${x + 32}" y="${y + 4}">${escaped(name)}</text>`;
}

const at = (value: number): string => value.toFixed(1);

/** The next of 1, 2, 5 and their tens that is not smaller. */
export function niceAbove(value: number): number {
  const ten = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * ten >= value) ?? 10) * ten;
}

/** `0.2`, `40`, `20k`, `10M`. */
export function short(value: number): string {
  if (value >= 1e6) return `${+(value / 1e6).toFixed(2)}M`;
  if (value >= 1e4 || value === 1e3) return `${+(value / 1e3).toFixed(2)}k`;
  return `${+value.toFixed(3)}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
