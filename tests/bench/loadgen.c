/* Load generator: one thread, epoll, HTTP/1.1 keep-alive, closed loop; one line of JSON on stdout.
 *
 *     loadgen -p PORT -u PATH -b BODYFILE [-H "Name: value"]... [-c CONNECTIONS]
 *             (-n REQUESTS | -t SECONDS) [-k CHUNKS] [-a CHUNKS] [-T TIMEOUT_S]
 *
 * -k: the answer is a stream that must carry so many content chunks and end properly, [DONE] and last HTTP chunk.
 * -a: the client leaves (closes the connection) after so many chunks; with 0, right after sending.
 * A request counts as `ok` only if it came whole with status 200. Times are microseconds; `transit` is from when the
 * mock wrote a chunk ("@<ns>;" in its text) to when it was read here. Gives up after TIMEOUT_S without progress.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_HEAD = 16384, MAX_LINE = 65536, NEVER = -1 };
enum framing { SIZE, SIZE_REST, DATA, DATA_END, TRAILER }; /* where in a chunked body we are */

typedef struct {
  int fd, busy, served;
  /* the answer so far */
  int has_head, status, chunked, closes, marks, done_line;
  enum framing framing;
  long left, trailer_line;
  uint64_t started, first;
  size_t head_length, line_length;
  char head[MAX_HEAD], line[MAX_LINE];
} connection;

typedef struct {
  double *at;
  size_t length, capacity;
} samples;

static struct {
  int port, connections, chunks, abort_after;
  long requests;
  double seconds, timeout;
} options = {.connections = 1, .chunks = 0, .abort_after = NEVER, .timeout = 30};
static char *request;
static size_t request_length;
static connection *pool;
static long started, ok, failed, left_early, chunks_read, body_bytes;
static int poller, busy, first_status;
static char first_error[300];
static samples latency, ttft, transit;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void note(samples *s, double value) {
  if (s->length == s->capacity) s->at = realloc(s->at, (s->capacity = s->capacity * 2 + 4096) * sizeof *s->at);
  s->at[s->length++] = value;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print_samples(const char *name, samples *s) {
  qsort(s->at, s->length, sizeof *s->at, by_size);
  double p50 = s->length ? s->at[(s->length - 1) / 2] : 0, p99 = s->length ? s->at[(size_t)((s->length - 1) * 0.99)] : 0;
  printf(",\"%s\":{\"n\":%zu,\"p50\":%.1f,\"p99\":%.1f}", name, s->length, p50, p99);
}

static int hang_up(connection *c) {
  if (c->fd >= 0) close(c->fd);
  return c->fd = -1;
}

static int dial(connection *c) {
  int one = 1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(c->fd, (void *)&to, sizeof to)) return hang_up(c);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  c->served = 0;
  return epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
}

/* --- the course of one request ------------------------------------------------------------------------------- */

static void finish(connection *c, const char *problem) {
  c->busy = 0;
  busy--;
  c->served++;
  if (!problem && c->status != 200) problem = "status";
  if (!problem && options.chunks && c->marks != options.chunks) problem = "chunks are missing";
  if (!problem && options.chunks && !c->done_line) problem = "no [DONE]";
  if (problem) {
    if (!failed++) {
      first_status = c->status;
      snprintf(first_error, sizeof first_error, "%s (%d chunks): %.200s", problem, c->marks, c->line);
    }
    hang_up(c);
    return;
  }
  ok++;
  note(&latency, (now_ns() - c->started) / 1e3);
  if (c->closes) hang_up(c);
}

static void leave(connection *c) {
  c->busy = 0;
  busy--;
  left_early++;
  hang_up(c);
}

static void send_request(connection *c) {
  c->busy = 1;
  busy++;
  c->has_head = c->status = c->marks = c->done_line = 0;
  c->first = c->head_length = c->line_length = 0;
  c->line[0] = 0;
  c->started = now_ns();
  if (c->fd < 0 && dial(c)) {
    finish(c, "connection refused");
    return;
  }
  for (size_t sent = 0; sent < request_length;) {
    ssize_t n = send(c->fd, request + sent, request_length - sent, MSG_NOSIGNAL);
    if (n <= 0) break; /* the read side will see it */
    sent += n;
  }
  if (options.abort_after == 0) leave(c);
}

/* --- reading the answer -------------------------------------------------------------------------------------- */

static void read_line(connection *c, uint64_t now) {
  if (!strncmp(c->line, "data: [DONE]", 12)) c->done_line = 1;
  for (char *mark = c->line; (mark = strchr(mark, '@')); mark++) {
    char *end;
    unsigned long long written = strtoull(mark + 1, &end, 10);
    if (*end != ';' || !written) continue;
    if (!c->first) {
      c->first = now;
      note(&ttft, (now - c->started) / 1e3);
    }
    c->marks++;
    chunks_read++;
    note(&transit, ((double)now - (double)written) / 1e3);
  }
}

static void read_body(connection *c, const char *bytes, size_t length, uint64_t now) {
  body_bytes += length;
  if (!options.chunks && c->status == 200) return;
  while (length) {
    const char *newline = memchr(bytes, '\n', length);
    size_t n = newline ? (size_t)(newline - bytes) + 1 : length, room = sizeof c->line - 1 - c->line_length;
    memcpy(c->line + c->line_length, bytes, n < room ? n : room);
    c->line_length += n < room ? n : room;
    c->line[c->line_length] = 0;
    bytes += n;
    length -= n;
    if (newline && c->status == 200) {
      read_line(c, now);
      c->line_length = 0;
    }
  }
}

static int read_chunked(connection *c, const char *p, size_t n, uint64_t now) { /* 1: the answer is over */
  while (n) {
    size_t taken = 1;
    int digit = *p >= '0' && *p <= '9' ? *p - '0' : (*p | 32) >= 'a' && (*p | 32) <= 'f' ? (*p | 32) - 'a' + 10 : -1;
    switch (c->framing) {
      case SIZE:
        if (digit >= 0) c->left = c->left * 16 + digit;
        else c->framing = *p == '\n' ? (c->left ? DATA : TRAILER) : SIZE_REST;
        break;
      case SIZE_REST:
        if (*p == '\n') c->framing = c->left ? DATA : TRAILER;
        break;
      case DATA:
        taken = n < (size_t)c->left ? n : (size_t)c->left;
        read_body(c, p, taken, now);
        if (!(c->left -= taken)) c->framing = DATA_END;
        break;
      case DATA_END:
        if (*p == '\n') c->framing = SIZE;
        break;
      case TRAILER:
        if (*p == '\n' && !c->trailer_line) return 1;
        c->trailer_line = *p == '\n' ? 0 : *p == '\r' ? c->trailer_line : 1;
        break;
    }
    p += taken;
    n -= taken;
  }
  return 0;
}

static void read_head(connection *c) {
  c->has_head = 1;
  c->status = atoi(c->head + 9);
  c->chunked = c->closes = 0;
  c->left = NEVER;
  for (char *line = strstr(c->head, "\r\n"); line; line = strstr(line, "\r\n")) {
    line += 2;
    if (!strncasecmp(line, "content-length:", 15)) c->left = atol(line + 15);
    if (!strncasecmp(line, "transfer-encoding: chunked", 26)) c->chunked = 1;
    if (!strncasecmp(line, "connection: close", 17)) c->closes = 1;
  }
  if (c->chunked) c->left = c->trailer_line = c->framing = SIZE;
}

static void on_bytes(connection *c, char *bytes, size_t n, uint64_t now) {
  if (!c->has_head) {
    size_t before = c->head_length, room = sizeof c->head - 1 - before;
    memcpy(c->head + before, bytes, n < room ? n : room);
    c->head_length += n < room ? n : room;
    c->head[c->head_length] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) return;
    size_t used = end + 4 - c->head - before;
    end[2] = 0;
    read_head(c);
    bytes += used;
    n -= used;
  }
  if (c->chunked) {
    if (read_chunked(c, bytes, n, now)) finish(c, NULL);
  } else {
    read_body(c, bytes, n, now);
    if (c->left != NEVER && (c->left -= n) <= 0) finish(c, NULL);
  }
  if (c->busy && options.abort_after > 0 && c->marks >= options.abort_after) leave(c);
}

static void on_close(connection *c) {
  hang_up(c);
  if (!c->busy) return;
  if (c->served && !c->head_length) { /* an idle connection was closed as we sent on it: once more, on a new one */
    busy--;
    send_request(c);
  } else {
    finish(c, c->has_head && !c->chunked && c->left == NEVER ? NULL : "cut");
  }
}

/* --- the run ------------------------------------------------------------------------------------------------- */

static void read_options(int count, char **words) {
  char headers[4096] = "", *path = "/", *file = NULL;
  for (int o; (o = getopt(count, words, "p:u:b:H:c:n:t:k:a:T:")) != -1;) switch (o) {
      case 'p': options.port = atoi(optarg); break;
      case 'u': path = optarg; break;
      case 'b': file = optarg; break;
      case 'H': snprintf(headers + strlen(headers), sizeof headers - strlen(headers), "%s\r\n", optarg); break;
      case 'c': options.connections = atoi(optarg); break;
      case 'n': options.requests = atol(optarg); break;
      case 't': options.seconds = atof(optarg); break;
      case 'k': options.chunks = atoi(optarg); break;
      case 'a': options.abort_after = atoi(optarg); break;
      case 'T': options.timeout = atof(optarg); break;
      default: exit(2);
    }
  FILE *f = file ? fopen(file, "rb") : NULL;
  if (!f) {
    perror("loadgen: the file of -b");
    exit(2);
  }
  static char body[1 << 20];
  size_t length = fread(body, 1, sizeof body, f);
  fclose(f);
  request = malloc(length + 8192);
  request_length = sprintf(request,
                           "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: loadgen\r\nAccept: */*\r\n"
                           "Content-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
                           path, options.port, headers, length);
  memcpy(request + request_length, body, length);
  request_length += length;
}

static void run(void) {
  static char bytes[1 << 18];
  uint64_t begin = now_ns(), progress = begin;
  for (;;) {
    for (int k = 0; k < options.connections && failed < 1000; k++) {
      int more = options.requests ? started < options.requests : now_ns() - begin < options.seconds * 1e9;
      if (!more || pool[k].busy) continue;
      started++;
      send_request(&pool[k]);
    }
    if (!busy) {
      if (options.requests ? started >= options.requests || failed >= 1000 : 1) return;
      continue; /* all of them left at once: the next ones */
    }
    struct epoll_event events[512];
    int n = epoll_wait(poller, events, 512, 100);
    for (int k = 0; k < n; k++) {
      connection *c = events[k].data.ptr;
      ssize_t length = c->fd < 0 ? 0 : recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
      if (length < 0 && errno == EAGAIN) continue;
      progress = now_ns();
      if (length > 0 && c->busy) on_bytes(c, bytes, length, progress);
      else if (length <= 0) on_close(c);
    }
    if (now_ns() - progress > options.timeout * 1e9) {
      for (int k = 0; k < options.connections; k++)
        if (pool[k].busy) finish(&pool[k], "no progress");
      return;
    }
  }
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  read_options(count, words);
  poller = epoll_create1(EPOLL_CLOEXEC);
  pool = calloc(options.connections, sizeof *pool);
  for (int k = 0; k < options.connections; k++) pool[k].fd = -1;
  uint64_t begin = now_ns();
  run();
  printf("{\"ok\":%ld,\"failed\":%ld,\"left\":%ld,\"seconds\":%.4f,\"chunks\":%ld,\"body_bytes\":%ld,\"first_status\":%d,", ok, failed,
         left_early, (now_ns() - begin) / 1e9, chunks_read, body_bytes, first_status);
  printf("\"first_error\":\"");
  for (char *p = first_error; *p; p++) {
    if (*p == '"' || *p == '\\') putchar('\\');
    if ((unsigned char)*p >= 32 && (unsigned char)*p < 127) putchar(*p);
  }
  printf("\"");
  print_samples("latency", &latency);
  print_samples("ttft", &ttft);
  print_samples("transit", &transit);
  printf("}\n");
  return 0;
}
