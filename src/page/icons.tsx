import type { ComponentChildren } from "preact";

const circle = (cx: number, cy: number, r: number, filled = false) => (
  <circle cx={cx} cy={cy} r={r} {...(filled && { fill: "currentColor", stroke: "none" })} />
);
const path = (d: string) => <path d={d} />;

const BELL = "M4 7a4 4 0 0 1 8 0c0 3 1.25 4 1.25 4H2.75S4 10 4 7M6.75 13.25a1.4 1.4 0 0 0 2.5 0";

type Drawing = readonly [size: number, ...parts: ComponentChildren[]];

/** Drawings of the page. The size is that of the grid they are drawn on. */
const DRAWINGS = {
  bus: [
    18,
    path("M2 9h14M4.5 5.75V9M13.5 5.75V9M9 9v3.25"),
    circle(4.5, 4, 1.75),
    circle(13.5, 4, 1.75),
    circle(9, 14, 1.75),
  ],
  search: [16, circle(7, 7, 4.25), path("m10.25 10.25 3 3")],
  bell: [16, path(BELL)],
  bell_off: [16, path(BELL), path("m2.5 2.5 11 11")],
  sun: [
    16,
    circle(8, 8, 2.75),
    path("M8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7"),
  ],
  moon: [16, path("M13 9.6A5.5 5.5 0 0 1 6.4 3 5.5 5.5 0 1 0 13 9.6Z")],
  auto: [16, circle(8, 8, 5.5), <path d="M8 2.5v11a5.5 5.5 0 0 0 0-11Z" fill="currentColor" stroke="none" />],
  help: [16, circle(8, 8, 5.75), path("M6.4 6.3a1.7 1.7 0 1 1 2.4 1.6c-.5.2-.8.6-.8 1.1M8 11.2v.01")],
  question: [
    16,
    path(
      "M2.25 4.25a1.5 1.5 0 0 1 1.5-1.5h8.5a1.5 1.5 0 0 1 1.5 1.5v5.5a1.5 1.5 0 0 1-1.5 1.5H7.5l-3 2.5v-2.5h-.75a1.5 1.5 0 0 1-1.5-1.5Z",
    ),
    path("M6.7 5.7a1.35 1.35 0 1 1 1.9 1.25c-.4.16-.6.45-.6.8M8 9.3v.01"),
  ],
  permission: [
    16,
    <rect x="1.75" y="2.75" width="12.5" height="10.5" rx="1.5" />,
    path("m4.5 6 2 2-2 2M8.25 10.25h3"),
  ],
  sos: [
    16,
    circle(8, 8, 5.75),
    circle(8, 8, 2.25),
    path("m4 4 2.4 2.4M9.6 9.6 12 12M12 4 9.6 6.4M6.4 9.6 4 12"),
  ],
  branch: [
    12,
    circle(3.5, 2.75, 1.25),
    circle(3.5, 9.25, 1.25),
    circle(8.5, 4, 1.25),
    path("M3.5 4v4M8.5 5.25c0 1.5-1.5 1.75-5 2"),
  ],
  repo: [12, path("M2 9.5v-7A1.5 1.5 0 0 1 3.5 1H10v10H3.5A1.5 1.5 0 0 1 2 9.5Zm0 0A1.5 1.5 0 0 1 3.5 8H10")],
  right: [12, path("M1.5 6h9M7.5 3l3 3-3 3")],
  down: [12, path("m3 4.5 3 3 3-3")],
  chevron: [12, path("m4.5 3 3 3-3 3")],
  send: [16, path("M8 13V3M4 7l4-4 4 4")],
  close: [16, path("m4 4 8 8M12 4l-8 8")],
  check: [16, path("m3 8.5 3.25 3.25L13 5")],
  stored: [16, <circle cx="8" cy="8" r="4.5" stroke-dasharray="2.2 2.5" />],
  offered: [16, path("m4 8.5 2.75 2.75L12 5.5")],
  seen: [16, path("m1.5 8.5 2.75 2.75L9.5 5.5M8 10.8l.5.45L14 5.5")],
  acked: [16, circle(8, 8, 5.75, true), <path d="m5.4 8.3 1.8 1.8 3.5-3.9" stroke="var(--surface)" />],
  lost: [16, circle(8, 8, 5.25), path("M8 5.25v3.25M8 10.75v.01")],
  mail_lost: [
    16,
    path(
      "M14.25 7.5V4.75a1.5 1.5 0 0 0-1.5-1.5h-9.5a1.5 1.5 0 0 0-1.5 1.5v6.5a1.5 1.5 0 0 0 1.5 1.5H8M2.25 4.5 8 8.75l5.75-4.25M10.75 10.75l3 3M13.75 10.75l-3 3",
    ),
  ],
  hook: [
    16,
    circle(4, 11.25, 2),
    circle(12, 11.25, 2),
    circle(8, 4.25, 2),
    path("M7 6 4.9 9.5M9 6l2.1 3.5M6 11.25h4"),
  ],
  key: [16, circle(5, 11, 2.75), path("m7 9 6-6M11 5l2 2")],
  inbox: [
    16,
    path(
      "M2 9.5 4 3.25h8l2 6.25v2.25a1.5 1.5 0 0 1-1.5 1.5h-9a1.5 1.5 0 0 1-1.5-1.5ZM2.25 9.5H5.5l1 1.75h3l1-1.75h3.25",
    ),
  ],
  cards: [
    16,
    <rect x="2" y="2.75" width="12" height="4.25" rx="1.25" />,
    <rect x="2" y="9" width="12" height="4.25" rx="1.25" />,
  ],
  lines: [16, path("M2 4h12M2 8h12M2 12h8")],
  warning: [16, path("M8 2.5 14.25 13H1.75ZM8 6.5v3M8 11.2v.01")],
  dot_busy: [12, circle(6, 6, 4, true)],
  dot_idle: [12, circle(6, 6, 3.5)],
  dot_wait: [12, <circle cx="6" cy="6" r="4.75" stroke-width="1.25" />, circle(6, 6, 2.4, true)],
  dot_fail: [12, circle(6, 6, 4), path("m3.4 8.6 5.2-5.2")],
} as const satisfies Readonly<Record<string, Drawing>>;

export type IconName = keyof typeof DRAWINGS;

/** All drawings, once in the page. */
export function Drawings() {
  return (
    <svg hidden aria-hidden="true">
      {Object.entries(DRAWINGS).map(([name, [size, ...parts]]) => (
        <symbol key={name} id={`i-${name}`} viewBox={`0 0 ${size} ${size}`}>
          {parts}
        </symbol>
      ))}
    </svg>
  );
}

/** A drawing beside words. Screen readers skip it. */
export function Icon({
  name,
  size,
  class: of,
}: {
  name: IconName;
  size?: number;
  class?: string | undefined;
}) {
  const px = size ?? DRAWINGS[name][0];
  return (
    <svg width={px} height={px} aria-hidden="true" {...(of !== undefined && { class: of })}>
      <use href={`#i-${name}`} />
    </svg>
  );
}
