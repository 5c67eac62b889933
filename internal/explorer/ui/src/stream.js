// eventStream reads a response in the distinct connections mode of graphql-sse
// (`next` for each result, then `complete`) as what GraphiQL takes for a
// subscription: an async iterable that ends the request when it is ended. hear
// is told each result first.
export function eventStream(response, controller, hear) {
  const stream = results(response, hear);
  const end = stream.return.bind(stream);
  stream.return = (value) => {
    controller.abort(); // or end would wait for the next event
    return end(value);
  };
  return stream;
}

async function* results(response, hear) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (text + value).split('\n\n');
      text = blocks.pop();
      for (const { event, data } of blocks.map(parseEvent)) {
        if (event === 'complete') return;
        if (event !== 'next') continue;
        const result = JSON.parse(data);
        hear(result);
        yield result;
      }
    }
  } catch (error) {
    if (error.name !== 'AbortError') throw error;
  }
}

function parseEvent(block) {
  const field = (name) =>
    block
      .split('\n')
      .filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).trimStart())
      .join('\n');
  return { event: field('event'), data: field('data') };
}
