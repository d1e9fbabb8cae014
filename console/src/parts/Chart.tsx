import Box from "@cloudscape-design/components/box";
import { useEffect, useRef, useState } from "react";
import UPlot from "uplot";
import { isDark } from "./scheme";

export interface Series {
  name: string;
  /** Epoch seconds, or steps, rising. */
  x: number[];
  y: number[];
  /** Whether there are points alone, and no line through them. */
  points?: boolean;
  /** Else they have one by their place. */
  color?: string;
}

/** What is shown around a single point. */
const ROOM = 30;
export const COLORS = ["#3b82f6", "#e07941", "#2ea597", "#8456ce", "#c33d69", "#b59a00", "#6b9b37", "#d45fbe", "#4fa8d8", "#a0704c"];

/** How far apart what is counted may be: steps have no halves. */
const WHOLE = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].flatMap((each) => [each, 2 * each, 5 * each]);

/** Curves over time or over steps; for readers of screens their last values are said too. */
export function Chart({ series, time = true, across = "Step", label }: { series: Series[]; time?: boolean; across?: string; label: string }) {
  const place = useRef<HTMLDivElement>(null);
  const [dark, setDark] = useState(isDark);
  useEffect(() => {
    const changed = () => setDark(isDark());
    addEventListener("scheme", changed);
    return () => removeEventListener("scheme", changed);
  }, []);
  useEffect(() => {
    const element = place.current;
    if (!element || !series.length) return;
    const axis: UPlot.Axis = { stroke: dark ? "#b4b4bb" : "#424650", grid: { stroke: dark ? "#8885" : "#8883" }, ticks: { show: false } };
    const tables = series.map((each) => [each.x, each.y] as [number[], number[]]);
    const points = series.flatMap((each) => each.x);
    const lonely = new Set(points).size === 1;
    const plot = new UPlot(
      {
        width: element.clientWidth,
        height: 220,
        scales: { x: { time, ...(lonely && { range: [points[0]! - ROOM, points[0]! + ROOM] }) } },
        axes: [time ? axis : { ...axis, incrs: WHOLE }, { ...axis, size: 64 }],
        series: [{ label: time ? "Time" : across }, ...series.map((each, index) => ({
          label: each.name,
          stroke: each.color ?? COLORS[index % COLORS.length]!,
          width: 2,
          spanGaps: true,
          points: { show: each.points || each.x.length < 40 },
          ...(each.points && { paths: () => null }),
        }))],
      },
      UPlot.join(tables),
      element,
    );
    const watching = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 220 }));
    watching.observe(element);
    return () => {
      watching.disconnect();
      plot.destroy();
    };
  }, [series, dark, time, across]);
  if (!series.some((each) => each.x.length)) return <Box color="text-status-inactive">No datapoints yet.</Box>;
  const said = series.map((each) => `${each.name}: ${each.y.at(-1)}`).join(", ");
  return <div className="chart" ref={place} role="img" aria-label={`${label}. Last values: ${said}`} />;
}
