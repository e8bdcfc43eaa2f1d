# nginx before gunicorn: takes slow clients off its hands. Runs as a user without rights.
ARG NGINX=nginx:1.27-alpine
FROM ${NGINX}
COPY nginx.conf /etc/nginx/nginx.conf
USER 101:101
EXPOSE 8080
# Ends after the requests that it has.
STOPSIGNAL SIGQUIT
ENTRYPOINT ["nginx"]
CMD ["-g", "daemon off;"]
