import Box from "@cloudscape-design/components/box";
import { useEffect, useRef, useState } from "react";
import { figure } from "./format";

export interface Dot {
  name: string;
  href: string;
  x: number | string;
  y: number;
}

const HEIGHT = 320;
const [LEFT, RIGHT, TOP, BOTTOM] = [72, 16, 12, 52];
const TICKS = 5;

/** Dots that lead somewhere, by two values; what is no number stands in classes. */
export function Scatter({ dots, x, y }: { dots: Dot[]; x: string; y: string }) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const watching = new ResizeObserver(([entry]) => entry && setWidth(Math.max(240, entry.contentRect.width)));
    if (place.current) watching.observe(place.current);
    return () => watching.disconnect();
  }, []);
  const classes = dots.every((dot) => typeof dot.x === "number") ? undefined : [...new Set(dots.map((dot) => String(dot.x)))].sort();
  const across = (dot: Dot) => (classes ? classes.indexOf(String(dot.x)) : Number(dot.x));
  const [xs, ys] = [scale(classes ? [0, classes.length - 1] : dots.map(across), LEFT, width - RIGHT, classes ? 0.5 : undefined), scale(dots.map((dot) => dot.y), HEIGHT - BOTTOM, TOP)];
  const marks = classes ? classes.map((text, index) => [index, text] as const) : ticks(xs, width < 480 ? 3 : TICKS).map((each) => [each, short(each)] as const);
  return (
    <div ref={place} className="scatter">
      {dots.length === 0 ? (
        <Box color="text-status-inactive">No run has both.</Box>
      ) : (
        <svg width={width} height={HEIGHT} role="group" aria-label={`${y} by ${x}`}>
          {ticks(ys, TICKS).map((each) => (
            <g key={each}>
              <line className="grid" x1={LEFT} x2={width - RIGHT} y1={ys.at(each)} y2={ys.at(each)} />
              <text x={LEFT - 8} y={ys.at(each)} textAnchor="end" dominantBaseline="middle">{short(each)}</text>
            </g>
          ))}
          {marks.map(([at, text]) => (
            <g key={text}>
              <line className="grid" x1={xs.at(at)} x2={xs.at(at)} y1={TOP} y2={HEIGHT - BOTTOM} />
              <text x={xs.at(at)} y={HEIGHT - BOTTOM + 18} textAnchor="middle">{text.length > 18 ? `${text.slice(0, 17)}…` : text}</text>
            </g>
          ))}
          <text x={(LEFT + width - RIGHT) / 2} y={HEIGHT - 8} textAnchor="middle" className="axis">{x}</text>
          <text x={14} y={(TOP + HEIGHT - BOTTOM) / 2} textAnchor="middle" className="axis" transform={`rotate(-90 14 ${(TOP + HEIGHT - BOTTOM) / 2})`}>{y}</text>
          {dots.map((dot) => (
            <a key={dot.href} href={dot.href} aria-label={`${dot.name}: ${x} ${dot.x}, ${y} ${figure(dot.y)}`}>
              <circle cx={xs.at(across(dot))} cy={ys.at(dot.y)} r={6}>
                <title>{`${dot.name}\n${x}: ${dot.x}\n${y}: ${figure(dot.y)}`}</title>
              </circle>
            </a>
          ))}
        </svg>
      )}
    </div>
  );
}

interface Scale {
  low: number;
  high: number;
  at: (value: number) => number;
}

/** A scale that shows all of the values, with a little room around them, or with so much. */
function scale(values: number[], from: number, until: number, given?: number): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = given ?? (most - least || Math.abs(most) || 1) * 0.08;
  const [low, high] = [least - room, most + room];
  return { low, high, at: (value) => from + ((value - low) / (high - low)) * (until - from) };
}

/** About so many round numbers within a scale. */
function ticks({ low, high }: Scale, wanted: number): number[] {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, index) => (first + index) * step);
}

const NUMBER = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });

function short(value: number): string {
  const [size, text] = [Math.abs(value), NUMBER.format(value)];
  return size !== 0 && size < 0.001 ? value.toExponential(1) : text;
}
