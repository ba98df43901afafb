import { render } from "preact";
import { App } from "./app.tsx";
import { signInByLink } from "./bus.ts";
import { follow, tryNow } from "./connection.ts";
import { listenToKeys } from "./keys.ts";
import { watchLooks } from "./looked.ts";
import { guardClicks } from "./moves.ts";
import { tick } from "./state.ts";
import { followTheme } from "./theme.ts";
import { followCount } from "./title.ts";

const root = document.getElementById("page");
if (root !== null) {
  followTheme();
  render(<App />, root);
  guardClicks();
  listenToKeys();
  watchLooks();
  followCount();
  setInterval(() => document.visibilityState === "visible" && tick(), 1_000);
  addEventListener("online", tryNow);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && tryNow());
  await signInByLink();
  await follow();
}
