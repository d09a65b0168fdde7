import { VERSION } from "../common/index.ts";

/** The settings of a deployment that its files are made of. */
export interface DeployFiles {
  /** The name of the model in requests, and of the package. */
  readonly name: string;
  /** The version of Lectern in `package.json`, or `file:` and a tarball beside it. */
  readonly lectern: string;
  /** The tarball's name, where Lectern is not installed from the registry. */
  readonly tarball?: string | undefined;
  readonly port: number;
  /** Precision of a model that is not stored in it, such as a GGUF file. */
  readonly precision?: string | undefined;
  /** The model's path in the folder. */
  readonly model: string;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** `server.json`: the options of `serve` of `lectern/server`. */
const server = ({ name, model, port, precision }: DeployFiles): string =>
  json({
    models: [{ name, location: `./${model}`, pinned: true, ...(precision && { load: { precision } }) }],
    host: "0.0.0.0",
    port,
    limits: { requests: 64 },
    drainSeconds: 20,
  });

const packageJson = ({ name, lectern }: DeployFiles): string =>
  json({
    name: name.toLowerCase().replaceAll(/[^a-z0-9._-]+/g, "-"),
    private: true,
    type: "module",
    engines: { node: "^20.19.0 || >=22.12.0" },
    scripts: { start: "node start.mjs" },
    dependencies: { lectern },
  });

const START = `// Serves the model of server.json. HOST, PORT, LECTERN_API_KEYS and FEEDBACK take precedence over it.
import { readFileSync } from "node:fs";
import { serve } from "lectern/server";

process.chdir(import.meta.dirname ?? new URL(".", import.meta.url).pathname);
const { HOST, PORT, LECTERN_API_KEYS = "", FEEDBACK } = process.env;
const apiKeys = LECTERN_API_KEYS.split(",").map((key) => key.trim()).filter(Boolean);
const options = JSON.parse(readFileSync("server.json", "utf8"));
const server = await serve({
  ...options,
  apiKeys,
  ...(HOST && { host: HOST }),
  ...(PORT && { port: Number(PORT) }),
  ...(FEEDBACK && { feedback: FEEDBACK }),
  onLog: (entry) => process.stderr.write(\`\${JSON.stringify(entry)}\\n\`),
});
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => server.close());
console.log(JSON.stringify({ url: server.url, models: server.models }));
`;

const HEALTH = `// Exits 0 where the server of this machine is ready, else 1.
import { readFileSync } from "node:fs";

const { port } = JSON.parse(readFileSync(new URL("server.json", import.meta.url), "utf8"));
const answer = await fetch(\`http://127.0.0.1:\${process.env.PORT ?? port}/ready\`, { signal: AbortSignal.timeout(4000) }).catch(() => undefined);
process.exitCode = answer?.ok ? 0 : 1;
`;

const dockerfile = ({
  model,
  port,
  tarball,
}: DeployFiles): string => `# Debian with glibc: ONNX Runtime has no build for musl.
FROM node:22-bookworm-slim
ENV NODE_ENV=production
ENV LECTERN_CACHE=/var/cache/lectern
RUN mkdir -p /var/cache/lectern /feedback && chown node:node /var/cache/lectern /feedback
WORKDIR /app
COPY package.json ${tarball === undefined ? "" : `${tarball} `}./
RUN npm install --omit=dev --no-audit --no-fund && npm cache clean --force
COPY server.json start.mjs health.mjs ./
COPY ${model} ./${model}
USER node
EXPOSE ${port}
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["node", "health.mjs"]
CMD ["node", "start.mjs"]
`;

const compose = ({ name, port }: DeployFiles): string => `# LECTERN_API_KEYS=… docker compose up --build
services:
  ${name.toLowerCase().replaceAll(/[^a-z0-9_-]+/g, "-")}:
    build: .
    ports:
      - "${port}:${port}"
    environment:
      LECTERN_API_KEYS: \${LECTERN_API_KEYS:?set a key of 8 characters or more}
      FEEDBACK: /feedback
    volumes:
      - feedback:/feedback
      - cache:/var/cache/lectern
    read_only: true
    tmpfs:
      - /tmp
    cap_drop:
      - ALL
    security_opt:
      - no-new-privileges:true
    restart: unless-stopped
volumes:
  feedback:
  cache:
`;

const service = ({ name }: DeployFiles): string => `# Copy the folder to /opt/${name}, run npm install there, then:
# sudo cp ${name}.service /etc/systemd/system/ && sudo systemctl enable --now ${name}
# Keys: LECTERN_API_KEYS=… in /etc/${name}.env
[Unit]
Description=${name}, served by Lectern ${VERSION}
After=network.target

[Service]
WorkingDirectory=/opt/${name}
ExecStart=/usr/bin/env node start.mjs
EnvironmentFile=-/etc/${name}.env
Environment=NODE_ENV=production
Environment=LECTERN_CACHE=/var/cache/${name}
DynamicUser=yes
CacheDirectory=${name}
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
NoNewPrivileges=yes
Restart=on-failure
TimeoutStopSec=30

[Install]
WantedBy=multi-user.target
`;

/** The files of a server beside its model, by their names. */
export function serverFiles(target: "docker" | "node", settings: DeployFiles): Readonly<Record<string, string>> {
  const common = {
    "package.json": packageJson(settings),
    "server.json": server(settings),
    "start.mjs": START,
    "health.mjs": HEALTH,
  };
  if (target === "node") return { ...common, [`${settings.name}.service`]: service(settings) };
  return {
    ...common,
    Dockerfile: dockerfile(settings),
    "compose.yaml": compose(settings),
    ".dockerignore": "node_modules\n.git\n*.md\n",
  };
}
