import type { EventBus, ProxyEvent } from "../observe/events.ts";
import { jsonLine } from "../observe/log.ts";

/** Events kept for a subscriber that reads slowly; the oldest go first, and the subscriber is told. */
const BACKLOG_MAX = 1_000;
/** Streams at once. */
const STREAMS_MAX = 64;
const HEARTBEAT_MS = 15_000;

/** Server-sent events for any number of subscribers, with one timer for all their heartbeats. */
export class EventStreams {
  readonly #bus: EventBus;
  readonly #open = new Set<Stream>();
  #heartbeat: NodeJS.Timeout | null = null;

  constructor(bus: EventBus) {
    this.#bus = bus;
  }

  /** A new stream, or null when there are too many. */
  open(): ReadableStream<Uint8Array> | null {
    if (this.#open.size >= STREAMS_MAX) return null;
    const stream = new Stream(this.#bus, () => this.#forget(stream));
    this.#open.add(stream);
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    return stream.body;
  }

  get count(): number {
    return this.#open.size;
  }

  close(): void {
    for (const stream of [...this.#open]) stream.end();
  }

  #beat(): void {
    for (const stream of this.#open) stream.beat();
  }

  #forget(stream: Stream): void {
    this.#open.delete(stream);
    if (this.#open.size > 0 || this.#heartbeat === null) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = null;
  }
}

class Stream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly #backlog: string[] = [];
  readonly #onEnd: () => void;
  readonly #unsubscribe: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #lost = 0;
  #ended = false;

  constructor(bus: EventBus, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#backlog.push("retry: 1000\n\n");
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#flush(),
      cancel: () => this.#release(),
    });
    this.#unsubscribe = bus.subscribe((event) => this.#take(event));
  }

  beat(): void {
    if (this.#backlog.length === 0) this.#push(": still here\n\n");
  }

  end(): void {
    if (this.#ended) return;
    this.#flush();
    this.#release();
    this.#controller?.close();
  }

  #take(event: ProxyEvent): void {
    this.#push(`event: ${event.kind}\ndata: ${jsonLine(event)}\n\n`);
  }

  #push(text: string): void {
    this.#backlog.push(text);
    if (this.#backlog.length > BACKLOG_MAX) {
      this.#backlog.shift();
      this.#lost += 1;
    }
    this.#flush();
  }

  /** Hands over what the reader has room for. */
  #flush(): void {
    const controller = this.#controller;
    if (controller === null || this.#ended) return;
    while (this.#backlog.length > 0 && (controller.desiredSize ?? 0) > 0) {
      if (this.#lost > 0) {
        controller.enqueue(
          this.#encoder.encode(`event: events-lost\ndata: {"count":${this.#lost}}\n\n`),
        );
        this.#lost = 0;
        continue;
      }
      controller.enqueue(this.#encoder.encode(this.#backlog.splice(0).join("")));
    }
  }

  #release(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unsubscribe();
    this.#onEnd();
  }
}
