// One stream of what changes for the whole page; whoever shows a kind of thing asks anew when it changes.

type Listener = (name: string) => void;

const listeners = new Map<string, Set<Listener>>();
let source: EventSource | undefined;

function heard(event: MessageEvent<string>): void {
  const { kind, name } = JSON.parse(event.data) as { kind: string; name: string };
  listeners.get(kind)?.forEach((listener) => listener(name));
}

function missed(): void {
  // What happened before the stream was there, or was back, is unknown: all look anew.
  listeners.forEach((each) => each.forEach((listener) => listener("")));
}

/** Open the stream, if it is not. The sooner it is, the less has to be asked twice. */
export function listen(): void {
  if (source !== undefined) return;
  const opened = (source = new EventSource("/_sagewright/console/events"));
  opened.onmessage = heard;
  opened.onopen = missed;
  opened.onerror = () => {
    // It was refused, as it is before one has signed in; where it only broke off, it opens again by itself.
    if (opened.readyState === EventSource.CLOSED && source === opened) source = undefined;
  };
}

export function follow(kind: string, listener: Listener): () => void {
  listen();
  const those = listeners.get(kind) ?? new Set();
  listeners.set(kind, those.add(listener));
  return () => those.delete(listener);
}

export function stopFollowing(): void {
  source?.close();
  source = undefined;
}
