import { createServer } from "node:http";

const port = Number(process.env.PORT ?? {{port}});

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname === "{{health}}") {
    response.writeHead(200, { "content-type": "text/plain" }).end("ok\n");
  } else if (pathname === "/") {
    response.writeHead(200, { "content-type": "text/plain" }).end("hello from {{app}}\n");
  } else {
    response.writeHead(404, { "content-type": "text/plain" }).end("not found\n");
  }
});

server.listen(port, "0.0.0.0", () => console.log(`listening on ${port}`));

// A deploy ends the task with SIGTERM: what is under way is finished first.
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
