import "@cloudscape-design/global-styles/index.css";
import "uplot/dist/uPlot.min.css";
import "./console.css";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { followScheme } from "./parts/scheme";

followScheme();
const place = document.getElementById("root");
if (place) createRoot(place).render(<App />);
