/* An upstream of OpenAI's shape, Anthropic's and Bedrock's that is never the bottleneck: one thread, epoll, HTTP/1.1 keep-alive.
 *
 * Paths, by suffix: chat/completions and messages (plain and "stream": true), converse and converse-stream, embeddings
 * (1536 floats), stats.
 * A tag anywhere in the request body chooses the behaviour, so that it passes any gateway unchanged:
 *
 *     [[d=20 n=150 i=10 s=200]]    d  ms before the first byte      n  content chunks of a stream
 *                                  i  ms between chunks (0: one     s  bytes of text in a plain answer
 *                                     write carries them all)
 *
 * Each content chunk carries "@<CLOCK_MONOTONIC in ns>;", so that a client on the same machine knows how long the
 * chunk was on its way. Binds a free port of 127.0.0.1 and prints its number.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FD = 4096, MAX_REQUEST = 1 << 20, MAX_TEXT = 60000, DIMENSIONS = 1536 };
enum kind { CHAT, MESSAGES, CONVERSE, CONVERSE_STREAM, EMBEDDINGS, STATS, UNKNOWN };

typedef struct {
  int delay_ms, chunks, interval_ms, text_bytes;
} tag;

typedef struct {
  char *at;
  size_t length, capacity;
} buffer;

typedef struct {
  int fd, streaming, wants_usage, sent, waits_for_room;
  enum kind kind;
  uint64_t due; /* when the next part of the answer goes out; 0: no request is being answered */
  tag tag;
  buffer in, out;
  size_t flushed; /* of out */
} connection;

static connection *connections[MAX_FD];
static int highest_fd, poller;
static unsigned long long requests, streams, chunks_sent, open_now;
static buffer embeddings;

static const char SSE_HEAD[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    "x-request-id: req_mock_0123456789\r\nTransfer-Encoding: chunked\r\n\r\n";
#define CHUNK                                                                                                        \
  "data: {\"id\":\"chatcmpl-mock0123456789abcdefghij\",\"object\":\"chat.completion.chunk\",\"created\":1760000000," \
  "\"model\":\"mock-model\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_mock012345\",\"choices\":["
#define CHOICE(delta, finish) CHUNK "{\"index\":0,\"delta\":" delta ",\"logprobs\":null,\"finish_reason\":" finish "}]}\n\n"
#define EVENT(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define MESSAGE \
  "\"id\":\"msg_mock0123456789abcdefghij\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"mock-model\","

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void append(buffer *b, const char *bytes, size_t n) {
  if (b->length + n > b->capacity) b->at = realloc(b->at, b->capacity = (b->length + n) * 2);
  memcpy(b->at + b->length, bytes, n);
  b->length += n;
}

__attribute__((format(printf, 2, 3))) static void appendf(buffer *b, const char *format, ...) {
  char text[4096];
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  append(b, text, n);
}

__attribute__((format(printf, 2, 3))) static void event(connection *c, const char *format, ...) {
  char text[1024]; /* one event in one HTTP chunk */
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  appendf(&c->out, "%x\r\n%s\r\n", n, text);
}

static void hang_up(connection *c) {
  close(c->fd);
  connections[c->fd] = NULL;
  open_now--;
  free(c->in.at);
  free(c->out.at);
  free(c);
}

static void watch(connection *c, uint32_t events) {
  struct epoll_event e = {.events = events, .data.fd = c->fd};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
}

static int flush(connection *c) { /* 0: the connection is gone */
  while (c->flushed < c->out.length) {
    ssize_t n = send(c->fd, c->out.at + c->flushed, c->out.length - c->flushed, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) {
      if (!c->waits_for_room) watch(c, EPOLLIN | EPOLLOUT);
      c->waits_for_room = 1;
      return 1;
    }
    if (n < 0) {
      hang_up(c);
      return 0;
    }
    c->flushed += n;
  }
  c->out.length = c->flushed = 0;
  if (c->waits_for_room) watch(c, EPOLLIN);
  c->waits_for_room = 0;
  return 1;
}

/* --- answers ------------------------------------------------------------------------------------------------- */

static void make_embeddings(void) {
  unsigned seed = 12345;
  appendf(&embeddings, "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[");
  for (int k = 0; k < DIMENSIONS; k++) {
    seed = seed * 1103515245 + 12345;
    appendf(&embeddings, "%s%.9f", k ? "," : "", ((int)((seed >> 8) & 0xffff) - 32768) / 655360.0);
  }
  appendf(&embeddings, "]}],\"model\":\"mock-embedding\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}");
}

static void plain(connection *c, int status, const char *body, size_t length) {
  appendf(&c->out,
          "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nx-request-id: req_mock_0123456789\r\n"
          "openai-processing-ms: 5\r\nContent-Length: %zu\r\n\r\n",
          status, status == 200 ? "OK" : "Not Found", length);
  append(&c->out, body, length);
}

static void append_text(buffer *b, int length) {
  static const char words[] = "The quick brown fox jumps over the lazy dog while seven wizards brew potions. ";
  if (length > MAX_TEXT) length = MAX_TEXT;
  for (int done = 0; done < length; done += sizeof words - 1)
    append(b, words, (size_t)(length - done) < sizeof words - 1 ? (size_t)(length - done) : sizeof words - 1);
}

static void chat(connection *c) {
  static buffer body;
  body.length = 0;
  appendf(&body, "{\"id\":\"chatcmpl-mock0123456789abcdefghij\",\"object\":\"chat.completion\",\"created\":1760000000,"
                 "\"model\":\"mock-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
  append_text(&body, c->tag.text_bytes);
  appendf(&body, "\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                 "\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":20,\"total_tokens\":32,"
                 "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0}},"
                 "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_mock012345\"}");
  plain(c, 200, body.at, body.length);
}

static void message(connection *c) {
  static buffer body;
  body.length = 0;
  appendf(&body, "{" MESSAGE "\"content\":[{\"type\":\"text\",\"text\":\"");
  append_text(&body, c->tag.text_bytes);
  appendf(&body, "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":12,"
                 "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":20,"
                 "\"service_tier\":\"standard\"}}");
  plain(c, 200, body.at, body.length);
}

static void begin_chat(connection *c) {
  event(c, CHOICE("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null"));
}

static void begin_message(connection *c) {
  event(c, EVENT("message_start", ",\"message\":{" MESSAGE "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
                                  "\"usage\":{\"input_tokens\":12,\"cache_creation_input_tokens\":0,"
                                  "\"cache_read_input_tokens\":0,\"output_tokens\":1}}"));
  event(c, EVENT("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}"));
  event(c, EVENT("ping", ""));
}

static void end_chat(connection *c) {
  event(c, CHOICE("{}", "\"stop\""));
  if (c->wants_usage)
    event(c, CHUNK "],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n", c->tag.chunks,
          c->tag.chunks + 12);
  event(c, "data: [DONE]\n\n");
}

static void end_message(connection *c) {
  event(c, EVENT("content_block_stop", ",\"index\":0"));
  event(c,
        EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
                               "\"usage\":{\"output_tokens\":%d}"),
        c->tag.chunks);
  event(c, EVENT("message_stop", ""));
}

static void delta_chat(connection *c) {
  event(c, CHOICE("{\"content\":\" @%llu;\"}", "null"), (unsigned long long)now_ns());
}

static void delta_message(connection *c) {
  event(c, EVENT("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" @%llu;\"}"),
        (unsigned long long)now_ns());
}

#include "mock_converse.h"

static int stream(connection *c) { /* the next part; 1: it was the last */
  static const struct {
    const char *head;
    void (*begin)(connection *), (*delta)(connection *), (*end)(connection *);
  } forms[] = {
      [CHAT] = {SSE_HEAD, begin_chat, delta_chat, end_chat},
      [MESSAGES] = {SSE_HEAD, begin_message, delta_message, end_message},
      [CONVERSE_STREAM] = {CONVERSE_HEAD, begin_converse, delta_converse, end_converse},
  }, *form;
  form = &forms[c->kind];
  if (!c->sent) {
    append(&c->out, form->head, strlen(form->head));
    form->begin(c);
  }
  do {
    form->delta(c);
    chunks_sent++;
  } while (++c->sent < c->tag.chunks && !c->tag.interval_ms);
  if (c->sent < c->tag.chunks) return 0;
  form->end(c);
  append(&c->out, "0\r\n\r\n", 5);
  return 1;
}

static int answer(connection *c) { /* 0: the connection is gone */
  char text[256];
  int over = 1;
  if (c->streaming) over = stream(c);
  else if (c->kind == CHAT) chat(c);
  else if (c->kind == MESSAGES) message(c);
  else if (c->kind == CONVERSE) converse(c);
  else if (c->kind == EMBEDDINGS) plain(c, 200, embeddings.at, embeddings.length);
  else if (c->kind == STATS)
    plain(c, 200, text, sprintf(text, "{\"requests\":%llu,\"streams\":%llu,\"chunks\":%llu,\"open\":%llu}", requests, streams,
                                chunks_sent, open_now));
  else plain(c, 404, "{}", 2);
  c->due = over ? 0 : now_ns() + c->tag.interval_ms * 1000000ull;
  return flush(c);
}

/* --- requests ------------------------------------------------------------------------------------------------ */

static tag read_tag(const char *body, size_t length) {
  tag t = {.delay_ms = 0, .chunks = 64, .interval_ms = 20, .text_bytes = 200};
  const char *at = memmem(body, length, "[[", 2), *end = body + length;
  for (at = at ? at + 2 : end; at + 2 < end && *at != ']'; at++) {
    if (at[1] != '=') continue;
    int value = atoi(at + 2);
    if (*at == 'd') t.delay_ms = value;
    if (*at == 'n') t.chunks = value;
    if (*at == 'i') t.interval_ms = value;
    if (*at == 's') t.text_bytes = value;
  }
  return t;
}

static int is_true(const char *body, size_t length, const char *key) {
  const char *at = memmem(body, length, key, strlen(key)), *end = body + length;
  for (at = at ? at + strlen(key) : end; at < end && (*at == ' ' || *at == ':');) at++;
  return at + 4 <= end && !memcmp(at, "true", 4);
}

static enum kind read_path(const char *line, const char *end) {
  const char *path = memchr(line, ' ', end - line);
  size_t n = path ? strcspn(++path, " ?") : 0;
  if (n >= 17 && !memcmp(path + n - 17, "/chat/completions", 17)) return CHAT;
  if (n >= 9 && !memcmp(path + n - 9, "/messages", 9)) return MESSAGES;
  if (n >= 9 && !memcmp(path + n - 9, "/converse", 9)) return CONVERSE;
  if (n >= 16 && !memcmp(path + n - 16, "/converse-stream", 16)) return CONVERSE_STREAM;
  if (n >= 11 && !memcmp(path + n - 11, "/embeddings", 11)) return EMBEDDINGS;
  if (n >= 6 && !memcmp(path + n - 6, "/stats", 6)) return STATS;
  return UNKNOWN;
}

static int take_request(connection *c) { /* 1: a whole request was there and is being answered */
  char *end = memmem(c->in.at, c->in.length, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t length = 0, head = end + 4 - c->in.at;
  for (char *line = memchr(c->in.at, '\n', head); line && line < end; line = memchr(line, '\n', end - line))
    if (!strncasecmp(++line, "content-length:", 15)) length = atol(line + 15);
  if (c->in.length < head + length) return 0;
  char *body = c->in.at + head;
  c->kind = read_path(c->in.at, end);
  c->tag = read_tag(body, length);
  int asked = (c->kind == CHAT || c->kind == MESSAGES) && is_true(body, length, "\"stream\"");
  c->streaming = asked || c->kind == CONVERSE_STREAM;
  c->wants_usage = is_true(body, length, "\"include_usage\"");
  c->sent = 0;
  c->due = now_ns() + c->tag.delay_ms * 1000000ull;
  requests++;
  streams += c->streaming;
  c->in.length -= head + length;
  memmove(c->in.at, body + length, c->in.length);
  return 1;
}

static void serve(connection *c) { /* answer all that is due now */
  while (c->due || take_request(c))
    if (c->due > now_ns() || !answer(c)) return;
}

static void on_readable(connection *c) {
  static char bytes[65536];
  ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0 || c->in.length + n > MAX_REQUEST) {
    hang_up(c);
    return;
  }
  append(&c->in, bytes, n);
  serve(c);
}

static void on_connect(int listener) {
  int fd, one = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    if (fd >= MAX_FD) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connections[fd] = calloc(1, sizeof(connection));
    connections[fd]->fd = fd;
    if (fd > highest_fd) highest_fd = fd;
    open_now++;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
  }
}

static struct timespec *until_next(struct timespec *left) { /* NULL: nothing is due */
  uint64_t next = UINT64_MAX, now = now_ns();
  for (int fd = 0; fd <= highest_fd; fd++)
    if (connections[fd] && connections[fd]->due && connections[fd]->due < next) next = connections[fd]->due;
  if (next == UINT64_MAX) return NULL;
  uint64_t wait = next > now ? next - now : 0;
  *left = (struct timespec){.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
  return left;
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  make_embeddings();
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (bind(listener, (void *)&address, size) || listen(listener, 4096) || getsockname(listener, (void *)&address, &size)) {
    perror("mock");
    return 1;
  }
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, events[256];
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
  for (;;) {
    struct timespec left;
    int n = epoll_pwait2(poller, events, 256, until_next(&left), NULL);
    for (int k = 0; k < n; k++) {
      int fd = events[k].data.fd;
      if (fd == listener) on_connect(listener);
      else if (connections[fd] && (!(events[k].events & EPOLLOUT) || flush(connections[fd])) && events[k].events & ~EPOLLOUT)
        on_readable(connections[fd]);
    }
    uint64_t now = now_ns();
    for (int fd = 0; fd <= highest_fd; fd++)
      if (connections[fd] && connections[fd]->due && connections[fd]->due <= now) serve(connections[fd]);
  }
}
