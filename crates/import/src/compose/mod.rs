//! From a `docker-compose.yml`.
