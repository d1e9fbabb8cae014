import "@cloudscape-design/global-styles/index.css";
import "uplot/dist/uPlot.min.css";
import "./console.css";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { backToPlace } from "./parts/route";
import { followScheme } from "./parts/scheme";

followScheme();
backToPlace();
const place = document.getElementById("root");
if (place) createRoot(place).render(<App />);
