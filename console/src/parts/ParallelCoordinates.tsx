import { useRef, useState } from "react";
import { go } from "./route";
import { useWidth } from "./useWidth";

export interface Axis {
  name: string;
  /** Whether it is drawn by its logarithm. */
  log?: boolean;
  /** Of an axis of words: them, in order. */
  words?: string[];
}

export interface Line {
  name: string;
  /** A value of each axis; words where the axis has words. */
  values: (number | string | undefined)[];
  /** How good it is: 1 is the best, 0 the worst; undefined where that is not known yet. */
  merit: number | undefined;
}

const HEIGHT = 280;
const [TOP, BOTTOM, SIDE] = [34, 26, 56];
const LEAST = 110;

/** A line for each thing through a value on each axis; the better, the stronger. The table beside it says the same in words. */
export function ParallelCoordinates({ axes, lines, label, page }: { axes: Axis[]; lines: Line[]; label: string; page: string }) {
  const place = useRef<HTMLDivElement>(null);
  const [over, setOver] = useState<string>();
  const width = Math.max(useWidth(place), axes.length * LEAST);
  const across = (index: number) => (axes.length < 2 ? width / 2 : SIDE + (index * (width - 2 * SIDE)) / (axes.length - 1));
  const scales = axes.map((axis, index) => scaled(axis, lines.map((each) => each.values[index])));
  const points = (line: Line) => line.values.map((value, index) => ({ x: across(index), y: scales[index]!.at(value) }));
  // The best is drawn last, over the others.
  const sorted = [...lines].sort((a, b) => (a.merit ?? -1) - (b.merit ?? -1));
  return (
    <div className="coordinates" ref={place} tabIndex={0}>
      <svg width={width} height={HEIGHT} role="img" aria-label={label}>
        {axes.map((axis, index) => (
          <line key={axis.name} className="axis" x1={across(index)} x2={across(index)} y1={TOP} y2={HEIGHT - BOTTOM} />
        ))}
        {sorted.map((line) => (
          <path
            key={line.name}
            className={over === line.name ? "over" : line.merit === 1 ? "best" : ""}
            d={path(points(line))}
            strokeOpacity={line.merit === undefined ? 0.25 : 0.3 + 0.6 * line.merit ** 2}
            onMouseEnter={() => setOver(line.name)}
            onMouseLeave={() => setOver(undefined)}
            onClick={() => go(page, line.name)}
          >
            <title>{`${line.name}: ${axes.map((axis, index) => `${axis.name} ${line.values[index] ?? "unknown"}`).join(", ")}`}</title>
          </path>
        ))}
        {axes.map((axis, index) => (
          <g key={axis.name}>
            <text x={across(index)} y={14} textAnchor="middle" className="title">
              {axis.name.length > 18 ? `${axis.name.slice(0, 17)}…` : axis.name}
              <title>{axis.name}</title>
            </text>
            {scales[index]!.ticks.map(([text, y]) => (
              <text key={text} x={across(index) + 6} y={y + 4}>
                {text}
              </text>
            ))}
          </g>
        ))}
      </svg>
    </div>
  );
}

interface Scale {
  at: (value: number | string | undefined) => number | undefined;
  ticks: [text: string, y: number][];
}

function scaled(axis: Axis, values: (number | string | undefined)[]): Scale {
  const down = (share: number) => HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
  if (axis.words) {
    const words = axis.words;
    const place = (word: string) => down(words.length < 2 ? 0.5 : words.indexOf(word) / (words.length - 1));
    return { at: (value) => (value === undefined ? undefined : place(String(value))), ticks: words.map((word) => [word, place(word)]) };
  }
  const numbers = values.filter((each): each is number => typeof each === "number" && Number.isFinite(each));
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const by = axis.log && low > 0 ? Math.log : (each: number) => each;
  const place = (value: number) => down(high === low ? 0.5 : (by(value) - by(low)) / (by(high) - by(low)));
  const ends = numbers.length ? [...new Set([low, high])] : [];
  return {
    at: (value) => (typeof value === "number" && Number.isFinite(value) ? place(value) : undefined),
    ticks: ends.map((each) => [String(Number(each.toPrecision(4))), place(each)]),
  };
}

/** A curve through the points; it is interrupted where there is none. */
function path(points: { x: number; y: number | undefined }[]): string {
  let drawn = "";
  points.forEach(({ x, y }, index) => {
    if (y === undefined) return;
    const before = points[index - 1];
    const middle = before && (before.x + x) / 2;
    drawn += before?.y === undefined ? `M${x},${y}` : `C${middle},${before.y} ${middle},${y} ${x},${y}`;
  });
  return drawn;
}
