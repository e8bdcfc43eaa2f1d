//! Why is a key of a compose service not carried?

/// A key that neither Compose nor this reader knows.
pub(super) const UNREAD: &str = "the compose specification has no such key here, or nothing here reads it";

/// Returns the reason for a key of a service that has no word in the manifest.
pub(super) fn of_service(key: &str) -> &'static str {
    match key {
        "annotations" => "ECS has labels of containers only: write `labels`",
        "attach" => "the output of every container is kept",
        "blkio_config"
        | "cgroup"
        | "cgroup_parent"
        | "cpu_count"
        | "cpu_percent"
        | "cpu_period"
        | "cpu_quota"
        | "cpu_rt_period"
        | "cpu_rt_runtime"
        | "cpu_shares"
        | "cpuset"
        | "device_cgroup_rules"
        | "devices"
        | "gpus"
        | "group_add"
        | "ipc"
        | "isolation"
        | "mac_address"
        | "mem_swappiness"
        | "memswap_limit"
        | "oom_kill_disable"
        | "oom_score_adj"
        | "pids_limit"
        | "privileged"
        | "runtime"
        | "security_opt"
        | "shm_size"
        | "storage_opt"
        | "userns_mode"
        | "uts"
        | "use_api_socket"
        | "credential_spec" => "Fargate has no such setting",
        "configs" => "ECS hands no files to a container: COPY the file in the Dockerfile",
        "develop" => "it is about working on the code, not about running it",
        "dns" | "dns_opt" | "dns_search" | "domainname" | "extra_hosts" | "hostname" => {
            "names and name servers of a task are those of its network on AWS"
        }
        "external_links" => "it names a container of another application",
        "label_file" => "write the labels in `labels`",
        "logging" => "output goes to the stage's log group; `log`, or `aws.logConfiguration`, says otherwise",
        "models" | "provider" => "it is about something that Compose runs elsewhere",
        "network_mode" => "the containers of a task share one network",
        "pid" => "a service of the manifest says it for the whole task: `aws = { pidMode = \"task\" }`",
        "post_start" | "pre_stop" => "ECS has no hooks in a container: put it into the entrypoint",
        "pull_policy" | "pull_refresh_after" => "ECS asks the registry for every task that it starts",
        "scale" => "each task has one of every container; `count` of the service says how many tasks there are",
        "stdin_open" | "tty" => "nobody sits at a container; `managr connect` gives a terminal",
        "stop_signal" => "ECS sends the image's STOPSIGNAL: write it in the Dockerfile",
        "sysctls" => "write `aws = { systemControls = [{ namespace = \"...\", value = \"...\" }] }`",
        "volumes_from" => "mount the same volumes by name",
        _ => "the compose specification has no such key",
    }
}

/// Returns the reason for a key of `deploy`.
pub(super) fn of_deploy(key: &str) -> &'static str {
    match key {
        "replicas" | "mode" => {
            "each task has one of every container; `count` of the service says how many tasks there are"
        }
        "update_config" | "rollback_config" => "`deployment` of the service says how tasks are replaced",
        "restart_policy" => "write `restart`",
        "labels" => "they are the service's, which has none in the manifest",
        "placement" | "endpoint_mode" => "Fargate places tasks by itself",
        _ => "the compose specification has no such key",
    }
}

/// Returns the reason for a key of `build`.
pub(super) fn of_build(key: &str) -> &'static str {
    match key {
        "cache_from" | "cache_to" | "no_cache" | "pull" => "the builder's own cache is used",
        "secrets" | "ssh" => "`managr build` hands no secrets to a build",
        "tags" => "the stage's `tag` names the image",
        "labels" => "write LABEL in the Dockerfile",
        "additional_contexts"
        | "entitlements"
        | "extra_hosts"
        | "isolation"
        | "network"
        | "privileged"
        | "shm_size"
        | "ulimits" => "`managr build` has no word for it",
        _ => "the compose specification has no such key",
    }
}
