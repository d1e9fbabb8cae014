import "@cloudscape-design/global-styles/index.css";
import "uplot/dist/uPlot.min.css";
import "./console.css";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { listen } from "./api/live";
import { fetchAhead } from "./pages/table";
import { backToPlace, routeNow } from "./parts/route";
import { followScheme } from "./parts/scheme";

followScheme();
backToPlace();
// While it is found out who is there.
listen();
fetchAhead(routeNow());
const place = document.getElementById("root");
if (place) createRoot(place).render(<App />);

// A page that was open while the server was replaced asks for scripts that are no more: it is loaded anew, once.
addEventListener("vite:preloadError", () => {
  const last = Number(sessionStorage.getItem("sagewright-loaded-anew") ?? 0);
  if (Date.now() - last < 10_000) return;
  sessionStorage.setItem("sagewright-loaded-anew", String(Date.now()));
  location.reload();
});
