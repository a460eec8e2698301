/* Amazon Bedrock's Converse and ConverseStream for the mock: answers, and events as binary frames, each in one HTTP
 * chunk. A frame is: total length, length of the headers, CRC-32 of those two; headers; payload; CRC-32 of it all.
 * Numbers are big-endian. Included by mock.c alone. */

static const char CONVERSE_HEAD[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n"
    "x-amzn-RequestId: req_mock_0123456789\r\nTransfer-Encoding: chunked\r\n\r\n";

static uint32_t crc32_of(const char *bytes, size_t n) {
  static uint32_t table[256];
  if (!table[1])
    for (uint32_t k = 0; k < 256; k++) {
      uint32_t rest = k;
      for (int bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xEDB88320u ^ (rest >> 1) : rest >> 1;
      table[k] = rest;
    }
  uint32_t crc = 0xFFFFFFFFu;
  while (n--) crc = table[(crc ^ (unsigned char)*bytes++) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

static void append_number(buffer *b, uint32_t number) {
  number = htonl(number);
  append(b, (const char *)&number, 4);
}

static void append_header(buffer *b, const char *name, const char *value) {
  char length = (char)strlen(name), head[3] = {7, 0, (char)strlen(value)}; /* 7: a string */
  append(b, &length, 1);
  append(b, name, strlen(name));
  append(b, head, 3);
  append(b, value, strlen(value));
}

__attribute__((format(printf, 3, 4))) static void frame(connection *c, const char *type, const char *format, ...) {
  static buffer headers, whole;
  char payload[1024];
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(payload, sizeof payload, format, arguments);
  va_end(arguments);
  headers.length = whole.length = 0;
  append_header(&headers, ":event-type", type);
  append_header(&headers, ":content-type", "application/json");
  append_header(&headers, ":message-type", "event");
  append_number(&whole, 16 + headers.length + n);
  append_number(&whole, headers.length);
  append_number(&whole, crc32_of(whole.at, 8));
  append(&whole, headers.at, headers.length);
  append(&whole, payload, n);
  append_number(&whole, crc32_of(whole.at, whole.length));
  appendf(&c->out, "%zx\r\n", whole.length);
  append(&c->out, whole.at, whole.length);
  append(&c->out, "\r\n", 2);
}

static void converse(connection *c) {
  static buffer body;
  body.length = 0;
  appendf(&body, "{\"metrics\":{\"latencyMs\":5},\"output\":{\"message\":{\"content\":[{\"text\":\"");
  append_text(&body, c->tag.text_bytes);
  appendf(&body, "\"}],\"role\":\"assistant\"}},\"stopReason\":\"end_turn\","
                 "\"usage\":{\"inputTokens\":12,\"outputTokens\":20,\"totalTokens\":32}}");
  plain(c, 200, body.at, body.length);
}

static void begin_converse(connection *c) {
  frame(c, "messageStart", "{\"p\":\"abcdefghijk\",\"role\":\"assistant\"}");
}

static void delta_converse(connection *c) {
  frame(c, "contentBlockDelta", "{\"contentBlockIndex\":0,\"delta\":{\"text\":\" @%llu;\"},\"p\":\"abcdefghijklmnopqr\"}",
        (unsigned long long)now_ns());
}

static void end_converse(connection *c) {
  frame(c, "contentBlockStop", "{\"contentBlockIndex\":0,\"p\":\"abcdefg\"}");
  frame(c, "messageStop", "{\"p\":\"abcdefghi\",\"stopReason\":\"end_turn\"}");
  frame(c, "metadata",
        "{\"metrics\":{\"latencyMs\":5},\"p\":\"abc\",\"usage\":{\"inputTokens\":12,\"outputTokens\":%d,\"totalTokens\":%d}}",
        c->tag.chunks, c->tag.chunks + 12);
}
