# sign-gateway as an image: docker build -f deploy/gateway.Dockerfile -t sign-gateway .
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
# The user `node` of the image, as a number so that Kubernetes can see that it is not root.
USER 1000:1000
EXPOSE 8080 9464
# Node is process 1 and gets SIGTERM itself.
ENTRYPOINT ["node", "/app/dist/bin/sign-gateway.js"]
