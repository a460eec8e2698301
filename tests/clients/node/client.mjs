// The official OpenAI client for JavaScript, unchanged. Arguments: base URL, token. Ends with 0 if all holds.
import assert from "node:assert/strict";
import OpenAI from "openai";

const [, , baseURL, apiKey] = process.argv;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 20_000 });
const ask = (content) => [{ role: "user", content }];

async function failure(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  assert.fail("the call should have failed");
}

const checks = {
  async chat() {
    const answer = await client.chat.completions.create({ model: "chat", messages: ask("hello") });
    assert.equal(answer.choices[0].message.content, "echo: hello");
    assert.equal(answer.usage.total_tokens, 8);
    assert.ok(answer._request_id);
  },

  async stream() {
    const stream = await client.chat.completions.create({ model: "chat", messages: ask("a b c"), stream: true });
    let text = "";
    let last;
    for await (const chunk of stream) {
      text += chunk.choices[0].delta.content ?? "";
      last = chunk;
    }
    assert.equal(text, "echo: a b c");
    assert.equal(last.choices[0].finish_reason, "stop");
  },

  async streamedTools() {
    const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } }];
    const runner = client.chat.completions.stream({ model: "chat", messages: ask("Oslo"), tools });
    const final = await runner.finalChatCompletion();
    const call = final.choices[0].message.tool_calls[0];
    assert.equal(call.function.name, "weather");
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "Oslo" });
  },

  async completions() {
    const answer = await client.completions.create({ model: "text", prompt: "one two" });
    assert.equal(answer.choices[0].text, "echo: one two");
  },

  // The client asks for base64 unless told otherwise and decodes it itself: a float list would give a quarter of the
  // dimensions, silently.
  async embeddings() {
    const byDefault = await client.embeddings.create({ model: "embed", input: ["one", "three"] });
    const floats = await client.embeddings.create({ model: "embed", input: ["one", "three"], encoding_format: "float" });
    assert.equal(byDefault.data[0].embedding.length, 8);
    assert.deepEqual(byDefault.data.map((row) => row.embedding), floats.data.map((row) => row.embedding));
  },

  async models() {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    assert.ok(names.includes("chat"));
  },

  // With a body that has no `error` key this client shows "429 status code (no body)".
  async errorsKeepTheirText() {
    const cases = [
      [400, OpenAI.BadRequestError, 400],
      [401, OpenAI.PermissionDeniedError, 403],
      [404, OpenAI.NotFoundError, 404],
      [422, OpenAI.BadRequestError, 400],
      [429, OpenAI.RateLimitError, 429],
      [502, OpenAI.InternalServerError, 502],
      [503, OpenAI.InternalServerError, 503],
    ];
    for (const [upstream, kind, status] of cases) {
      const error = await failure(() =>
        client.chat.completions.create({ model: "chat", messages: ask(`error ${upstream}`) }),
      );
      assert.ok(error instanceof kind, `${upstream}: ${error.constructor.name}`);
      assert.equal(error.status, status);
      assert.ok(error.requestID);
      if (upstream === 401) continue;
      assert.match(error.message, new RegExp(`the upstream says ${upstream}`));
      assert.equal(error.code, `upstream_${upstream}`);
    }
  },

  async aCutStreamIsAnError() {
    let text = "";
    const error = await failure(async () => {
      const stream = await client.chat.completions.create({ model: "chat", messages: ask("cut"), stream: true });
      for await (const chunk of stream) text += chunk.choices[0].delta.content ?? "";
    });
    assert.ok(error instanceof OpenAI.APIError, error.constructor.name);
    assert.notEqual(text, "echo: cut");
  },

  async anUnknownTokenIsRefusedWithoutBeingRepeated() {
    const stranger = new OpenAI({ baseURL, apiKey: "not-a-token", maxRetries: 0 });
    const error = await failure(() => stranger.chat.completions.create({ model: "chat", messages: ask("x") }));
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.doesNotMatch(error.message, /not-a-token/);
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(`ok ${name}`);
}
