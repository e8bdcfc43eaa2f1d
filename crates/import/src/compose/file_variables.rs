//! Which images read a variable from the file that NAME_FILE names, and take NAME itself as well?
//!
//! A table, by image and by variable: an image that does so for its password does not do it for everything. Each row
//! was read in the script that the image starts with (2026-11), as the pages in docker-library/docs often say only "the
//! previously listed environment variables". A row that is missing costs a line in the list; one that is wrong would
//! lose a variable.

use super::image::repository;

/// One family of images: their repositories, and their variables.
struct Reads {
    repositories: &'static [&'static str],
    names: &'static [&'static str],
}

const TABLE: [Reads; 14] = [
    // docker-library/postgres, docker-entrypoint.sh: `file_env`. The others are `FROM postgres` and keep its entrypoint
    // (postgis/docker-postgis, pgvector/pgvector and timescale/timescaledb-docker, their Dockerfiles).
    Reads {
        repositories: &["postgres", "postgis/postgis", "pgvector/pgvector", "timescale/timescaledb"],
        names: &["POSTGRES_PASSWORD", "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_INITDB_ARGS"],
    },
    // docker-library/mysql and percona/percona-docker (percona-server.*), docker-entrypoint.sh: `file_env`.
    Reads {
        repositories: &["mysql", "percona", "percona/percona-server"],
        names: &["MYSQL_ROOT_HOST", "MYSQL_DATABASE", "MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD"],
    },
    // MariaDB/mariadb-docker, docker-entrypoint.sh: `_mariadb_file_env` takes both prefixes, `file_env` one.
    Reads {
        repositories: &["mariadb"],
        names: &[
            "MYSQL_ROOT_HOST",
            "MYSQL_DATABASE",
            "MYSQL_USER",
            "MYSQL_PASSWORD",
            "MYSQL_ROOT_PASSWORD",
            "MARIADB_ROOT_HOST",
            "MARIADB_DATABASE",
            "MARIADB_USER",
            "MARIADB_PASSWORD",
            "MARIADB_ROOT_PASSWORD",
            "MARIADB_USER_HOST",
            "MARIADB_PASSWORD_HASH",
            "MARIADB_ROOT_PASSWORD_HASH",
            "MARIADB_REPLICATION_USER",
            "MARIADB_REPLICATION_PASSWORD",
            "MARIADB_REPLICATION_PASSWORD_HASH",
            "MARIADB_MASTER_HOST",
            "MARIADB_MASTER_PORT",
        ],
    },
    // docker-library/mongo, docker-entrypoint.sh: `file_env`; not MONGO_INITDB_DATABASE.
    Reads { repositories: &["mongo"], names: &["MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_PASSWORD"] },
    // docker-library/wordpress, wp-config-docker.php: `getenv_docker`.
    Reads {
        repositories: &["wordpress"],
        names: &[
            "WORDPRESS_DB_HOST",
            "WORDPRESS_DB_USER",
            "WORDPRESS_DB_PASSWORD",
            "WORDPRESS_DB_NAME",
            "WORDPRESS_DB_CHARSET",
            "WORDPRESS_DB_COLLATE",
            "WORDPRESS_TABLE_PREFIX",
            "WORDPRESS_AUTH_KEY",
            "WORDPRESS_SECURE_AUTH_KEY",
            "WORDPRESS_LOGGED_IN_KEY",
            "WORDPRESS_NONCE_KEY",
            "WORDPRESS_AUTH_SALT",
            "WORDPRESS_SECURE_AUTH_SALT",
            "WORDPRESS_LOGGED_IN_SALT",
            "WORDPRESS_NONCE_SALT",
            "WORDPRESS_DEBUG",
            "WORDPRESS_CONFIG_EXTRA",
        ],
    },
    // nextcloud/docker: docker-entrypoint.sh, `file_env`; the last four in .config/{smtp,s3}.config.php.
    Reads {
        repositories: &["nextcloud"],
        names: &[
            "NEXTCLOUD_ADMIN_USER",
            "NEXTCLOUD_ADMIN_PASSWORD",
            "MYSQL_DATABASE",
            "MYSQL_USER",
            "MYSQL_PASSWORD",
            "POSTGRES_DB",
            "POSTGRES_USER",
            "POSTGRES_PASSWORD",
            "REDIS_HOST_PASSWORD",
            "SMTP_PASSWORD",
            "OBJECTSTORE_S3_KEY",
            "OBJECTSTORE_S3_SECRET",
            "OBJECTSTORE_S3_SSE_C_KEY",
        ],
    },
    // docker-library/redmine, docker-entrypoint.sh: `file_env`.
    Reads {
        repositories: &["redmine"],
        names: &[
            "REDMINE_DB_MYSQL",
            "REDMINE_DB_POSTGRES",
            "REDMINE_DB_SQLSERVER",
            "REDMINE_DB_PORT",
            "REDMINE_DB_USERNAME",
            "REDMINE_DB_PASSWORD",
            "REDMINE_DB_DATABASE",
            "REDMINE_DB_ENCODING",
            "REDMINE_SECRET_KEY_BASE",
        ],
    },
    // joomla-docker/docker-joomla, docker-entrypoint.sh: the password alone.
    Reads { repositories: &["joomla"], names: &["JOOMLA_DB_PASSWORD"] },
    // phpmyadmin/docker, docker-entrypoint.sh: `get_docker_secret`.
    Reads {
        repositories: &["phpmyadmin", "phpmyadmin/phpmyadmin"],
        names: &[
            "PMA_USER",
            "PMA_PASSWORD",
            "PMA_HOST",
            "PMA_HOSTS",
            "PMA_CONTROLHOST",
            "PMA_CONTROLUSER",
            "PMA_CONTROLPASS",
            "MYSQL_ROOT_PASSWORD",
            "MYSQL_PASSWORD",
        ],
    },
    // odoo/docker, entrypoint.sh: PASSWORD alone; HOST and USER have no file.
    Reads { repositories: &["odoo"], names: &["PASSWORD"] },
    // YOURLS/docker, config-container.php: `getenv_container`.
    Reads {
        repositories: &["yourls"],
        names: &[
            "YOURLS_DB_USER",
            "YOURLS_DB_PASS",
            "YOURLS_DB_NAME",
            "YOURLS_DB_HOST",
            "YOURLS_DB_PREFIX",
            "YOURLS_SITE",
            "YOURLS_USER",
            "YOURLS_PASS",
        ],
    },
    // friendica/docker, docker-entrypoint.sh: `file_env`.
    Reads {
        repositories: &["friendica"],
        names: &["MYSQL_DATABASE", "MYSQL_USER", "MYSQL_PASSWORD", "FRIENDICA_ADMIN_MAIL", "REDIS_PW"],
    },
    // espocrm/espocrm-docker, docker-entrypoint.sh: `setEnvValue` for all of its parameters; those that are secrets.
    Reads {
        repositories: &["espocrm", "espocrm/espocrm"],
        names: &[
            "ESPOCRM_DATABASE_HOST",
            "ESPOCRM_DATABASE_NAME",
            "ESPOCRM_DATABASE_USER",
            "ESPOCRM_DATABASE_PASSWORD",
            "ESPOCRM_ADMIN_USERNAME",
            "ESPOCRM_ADMIN_PASSWORD",
        ],
    },
    // minio/minio, internal/config/constants.go: the server reads these itself.
    Reads {
        repositories: &["minio/minio"],
        names: &[
            "MINIO_ROOT_USER",
            "MINIO_ROOT_PASSWORD",
            "MINIO_ACCESS_KEY",
            "MINIO_SECRET_KEY",
            "MINIO_KMS_SECRET_KEY",
        ],
    },
];

/// Returns whether an image reads a variable from the file that NAME_FILE says.
///
/// rabbitmq does so until 3.8 only (its page: "Unavailable in 3.9 and up"); redis, ghost, memcached, nginx and httpd
/// do not at all.
pub(super) fn reads_file_of(image: &str, name: &str) -> bool {
    let (path, _) = repository(image);
    let untagged = image.split('@').next().unwrap_or_default();
    let host = untagged.strip_suffix(&untagged[untagged.find(path).map_or(0, |at| at)..]).unwrap_or_default();
    let host = host.trim_end_matches('/');
    let is_hub = matches!(host, "" | "docker.io" | "index.docker.io" | "registry-1.docker.io");
    let repository = match (is_hub, host) {
        (true, _) => path.strip_prefix("library/").unwrap_or(path),
        // Amazon's copy of the official images.
        (false, "public.ecr.aws") => path.strip_prefix("docker/library/").unwrap_or_default(),
        _ => return false,
    };
    TABLE.iter().any(|reads| reads.repositories.contains(&repository) && reads.names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::reads_file_of;

    #[test]
    fn an_image_reads_files_of_variables_only_if_it_says_so() {
        for (image, name, expected) in [
            ("postgres:16", "POSTGRES_PASSWORD", true),
            ("library/postgres", "POSTGRES_USER", true),
            ("docker.io/library/postgres:16@sha256:00", "POSTGRES_DB", true),
            ("public.ecr.aws/docker/library/mysql:8", "MYSQL_ROOT_PASSWORD", true),
            ("postgres:16", "PGPASSWORD", false),
            ("ghcr.io/me/postgres:16", "POSTGRES_PASSWORD", false),
            ("me/postgres:16", "POSTGRES_PASSWORD", false),
            ("localhost:5000/postgres", "POSTGRES_PASSWORD", false),
            ("redis:7", "REDIS_PASSWORD", false),
            ("", "POSTGRES_PASSWORD", false),
        ] {
            assert_eq!(reads_file_of(image, name), expected, "{image} {name}");
        }
    }

    #[test]
    fn an_image_that_reads_its_password_from_a_file_does_not_read_everything_so() {
        for (image, name, expected) in [
            ("joomla:5", "JOOMLA_DB_PASSWORD", true),
            ("joomla:5", "JOOMLA_DB_USER", false),
            ("odoo:18", "PASSWORD", true),
            ("odoo:18", "USER", false),
            ("mongo:7", "MONGO_INITDB_DATABASE", false),
            ("wordpress:6", "WORDPRESS_AUTH_KEY", true),
            ("wordpress:6", "WORDPRESS_LOCALE", false),
            ("nextcloud:30", "REDIS_HOST_PASSWORD", true),
            ("nextcloud:30", "REDIS_HOST", false),
            ("redmine:6", "REDMINE_DB_MYSQL", true),
            ("mariadb:11", "MARIADB_REPLICATION_PASSWORD", true),
            ("mariadb:11", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", false),
            ("mysql:8", "MARIADB_PASSWORD", false),
            ("rabbitmq:3.13", "RABBITMQ_DEFAULT_PASS", false),
            ("ghost:5", "database__connection__password", false),
        ] {
            assert_eq!(reads_file_of(image, name), expected, "{image} {name}");
        }
    }
}
