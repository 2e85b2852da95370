# sign-service as an image: docker build -f deploy/sign-service.Dockerfile -t sign-service .
# Nothing secret is in it: shares, passphrase and tokens are mounted. The root file system can be read-only.
FROM node:22-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npx tsup --silent && npm prune --omit=dev --no-audit --no-fund

FROM node:22-slim
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# A new volume takes owner and mode from here.
RUN install -d -o 1000 -g 1000 -m 700 /var/lib/wallet-mpc
# The user `node` of the image, as a number so that Kubernetes can see that it is not root.
USER 1000:1000
# Metrics; the HTTP interface on 50051 when it is turned on.
EXPOSE 9465
WORKDIR /var/lib/wallet-mpc
# Node is process 1 and gets SIGTERM and SIGHUP itself.
ENTRYPOINT ["node", "/app/dist/bin/sign-service.js"]
