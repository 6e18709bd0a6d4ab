# For who prefers containers: `docker-compose up --build`. Nothing of Cameron needs it.
FROM python:3.12-slim
WORKDIR /cameron
COPY . .
RUN pip install --no-cache-dir '.[rabbitmq]'
ENV CAMERON_WEB_HOST=0.0.0.0 CAMERON_LOG_SYSLOG=
EXPOSE 8001
CMD ["cameron", "serve", "--env", "production"]
