import Box from "@cloudscape-design/components/box";
import { useEffect, useRef, useState } from "react";
import { call, Refusal } from "../api/client";
import { Failure } from "./Failure";
import { toDate } from "./format";

interface Event {
  timestamp: number;
  message: string;
}
interface Page {
  events: Event[];
  nextForwardToken: string;
}

const MOST = 5000;
const PAUSE_MS = 2000;

/** A log stream from its beginning; while `live`, what is added is fetched by its position, where the page is looked at. */
export function Log({ group, stream, live }: { group: string; stream: string; live: boolean }) {
  const [events, setEvents] = useState<Event[]>();
  const [error, setError] = useState<Error>();
  const place = useRef<HTMLPreElement>(null);
  useEffect(() => {
    let [current, token, timer] = [true, undefined as string | undefined, 0];
    async function look(): Promise<void> {
      try {
        for (;;) {
          const where = { logGroupName: group, logStreamName: stream, startFromHead: true, nextToken: token };
          const page: Page = await call("logs", "GetLogEvents", where);
          if (!current) return;
          setError(undefined);
          setEvents((before = []) => [...before, ...page.events].slice(-MOST));
          if (page.nextForwardToken === token || !page.events.length) break;
          token = page.nextForwardToken;
        }
      } catch (failed) {
        if (!current) return;
        if (failed instanceof Refusal && failed.code === "ResourceNotFoundException") setEvents((before) => before ?? []);
        else setError(failed as Error);
      }
      if (live && current) timer = window.setTimeout(() => (document.hidden ? wait() : void look()), PAUSE_MS);
    }
    function wait(): void {
      document.addEventListener("visibilitychange", () => current && void look(), { once: true });
    }
    setEvents(undefined);
    void look();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [group, stream, live]);
  useEffect(() => {
    const element = place.current;
    // It follows the end while one is there, and stays where one has scrolled to.
    if (element && live && element.scrollHeight - element.scrollTop - element.clientHeight < 400) element.scrollTop = element.scrollHeight;
  }, [events, live]);
  if (error) return <Failure error={error} />;
  if (events === undefined) return <Box color="text-status-inactive">Loading</Box>;
  if (!events.length) return <Box color="text-status-inactive">{live ? "Nothing was printed yet." : "Nothing was printed."}</Box>;
  return (
    <pre className="log" ref={place} tabIndex={0} aria-label={`Log of ${stream}`}>
      {events.map((event, index) => (
        <div key={index}>
          <time>{toDate(event.timestamp / 1000)?.toLocaleTimeString()}</time>
          {event.message}
        </div>
      ))}
    </pre>
  );
}
