//! How do requests reach a service of Copilot? Its rule of the environment's load balancer, and its target group.

use deploy_core::manifest::{Ingress, IngressHealth, OneOrMany, Seconds};

use super::container::{COPILOT, Reading};
use super::said::{Said, Value};
use super::times::seconds;
use super::words::{filled, of_a_shell, stood_in, tcp};

/// What Copilot and CloudFormation say of a target group that does not say it itself (copilot-cli, `cf/alb.yml`, and
/// CloudFormation's AWS::ElasticLoadBalancingV2::TargetGroup).
fn usual() -> IngressHealth {
    IngressHealth {
        path: None,
        interval: Some(Seconds(30)),
        timeout: Some(Seconds(5)),
        healthy_threshold: Some(5),
        unhealthy_threshold: Some(2),
        matcher: Some("200".to_owned()),
    }
}

impl Reading<'_> {
    /// Returns the way to a service; `root` is its whole manifest.
    pub(super) fn ingress(&mut self, root: &Said, http: &Said) -> Option<Ingress> {
        if http.is("false") {
            self.word(http, "");
            return None;
        }
        let target = http.get("target_container").and_then(Said::text).unwrap_or(self.workload).to_owned();
        let of_container = match target == self.workload {
            true => root.get("image").and_then(|image| image.get("port")),
            false => root.get("sidecars").and_then(|all| all.get(&target)?.get("port")),
        };
        let said = http.get("target_port").or(of_container);
        let port = said.and_then(Said::text).and_then(tcp);
        if let (Some(said), Some(443)) = (said, port) {
            let why = "Copilot's load balancer speaks HTTPS to port 443, and ours plain HTTP to any port: let the container \
                       take plain requests on another port";
            self.list(said, why);
        }
        let Some(port) = port else {
            self.list(http, "the port that takes its requests is not told: write the `ingress` yourself");
            return None;
        };
        let mut ingress = Ingress {
            container: target,
            port,
            health_check: Some(usual()),
            listener: None,
            host: None,
            path: None,
            deregistration_delay: Some(Seconds(60)),
            grace_period: Some(Seconds(60)),
        };
        for (key, said) in http.entries() {
            self.part(&mut ingress, key, said);
        }
        Some(ingress)
    }

    fn part(&mut self, ingress: &mut Ingress, key: &str, said: &Said) {
        match key {
            "path" => {
                let Some(text) = said.text() else { return };
                let text = &stood_in(text, false);
                match text.trim_matches('/') {
                    "" => self.book.usual(said, "managr's own: any path"),
                    path => {
                        let path = filled(path, self.app, self.stage);
                        ingress.path = Some(OneOrMany::Many(vec![format!("/{path}"), format!("/{path}/*")]));
                        self.word(said, "ingress.path");
                        self.tell_shell(said, said.text().unwrap_or_default());
                    }
                }
            }
            "alias" => self.alias(ingress, said),
            "healthcheck" => self.target_health(ingress, said),
            "deregistration_delay" => {
                if let Some(time) = said.text().and_then(seconds) {
                    ingress.deregistration_delay = Some(Seconds(time));
                    self.word(said, "ingress.deregistration-delay");
                }
            }
            "target_container" => self.word(said, "ingress.container"),
            "target_port" => self.word(said, "ingress.port"),
            "stickiness" if said.is("false") => self.book.usual(said, "the load balancer's own"),
            "stickiness" => self.list(said, "managr has no word for sticky sessions: requests would go to any task"),
            "allowed_source_ips" => self.list(
                said,
                "PROTECTION IS LOST: the manifest has no word for it, and anybody could reach the service; put it into the \
                 security group of the load balancer before you deploy",
            ),
            "version" if said.text().is_some_and(|text| text.eq_ignore_ascii_case("http1")) => {
                self.book.usual(said, "the load balancer's own");
            }
            "version" => self.list(said, "managr's target groups speak HTTP/1: neither gRPC nor HTTP/2"),
            "redirect_to_https" => self.list(
                said,
                "managr makes one listener: name one that has a certificate as the stage's `listener-arn`, and let port \
                 80 redirect to it",
            ),
            "hosted_zone" => self.book.owner(said, COPILOT),
            "alb" => self.list(said, "write its name as `load-balancer`, and its listener as `listener-arn`, of the stage"),
            "additional_rules" => {
                self.list(said, "a service has one rule and one port here: give what it takes a service of its own");
            }
            _ => {}
        }
    }

    fn alias(&mut self, ingress: &mut Ingress, said: &Said) {
        let named = |item: &Said| item.get("name").and_then(Said::text).map(str::to_owned);
        let hosts: Vec<String> = match &said.value {
            Value::List(items) => {
                items.iter().filter_map(|item| item.text().map(str::to_owned).or_else(|| named(item))).collect()
            }
            _ => {
                said.text().map(|text| text.split(',').map(|host| host.trim().to_owned()).collect()).unwrap_or_default()
            }
        };
        if hosts.is_empty() {
            return;
        }
        if let Value::List(items) = &said.value {
            for zone in items.iter().filter_map(|item| item.get("hosted_zone")) {
                self.book.owner(zone, COPILOT);
            }
            for name in items.iter().filter_map(|item| item.get("name")) {
                self.word(name, "ingress.host");
            }
        }
        let untold = hosts.iter().find_map(|host| Some((host.clone(), of_a_shell(host)?.to_owned())));
        let stand_in = |host: &String| filled(&stood_in(host, true), self.app, self.stage);
        let hosts: Vec<String> = hosts.iter().map(stand_in).collect();
        ingress.host = Some(match &hosts[..] {
            [one] => OneOrMany::One(one.clone()),
            _ => OneOrMany::Many(hosts),
        });
        if let Some((host, name)) = untold {
            let why = format!(
                "${{{name}}} is a variable of the shell that Copilot ran in: a name of `.invalid`, which no request has, \
                 stands for `{host}` until you write the host"
            );
            return self.list(said, why);
        }
        if said.text().is_some() || said.texts().is_some() {
            self.word(said, "ingress.host");
        }
    }

    fn target_health(&mut self, ingress: &mut Ingress, said: &Said) {
        let mut health = usual();
        let word = |part: &str| format!("ingress.health-check.{part}");
        if let Some(path) = said.text() {
            health.path = Some(filled(path, self.app, self.stage));
            self.word(said, word("path"));
        }
        for (key, said) in said.entries() {
            let (text, time, number) = (said.text(), said.text().and_then(seconds), said.number::<u32>());
            match (key.as_str(), text, time, number) {
                ("path", Some(path), ..) => {
                    health.path = Some(filled(path, self.app, self.stage));
                    self.word(said, word("path"));
                }
                ("success_codes", Some(codes), ..) => {
                    health.matcher = Some(codes.to_owned());
                    self.word(said, word("matcher"));
                }
                ("interval", _, Some(time), _) => {
                    health.interval = Some(Seconds(time));
                    self.word(said, word("interval"));
                }
                ("timeout", _, Some(time), _) => {
                    health.timeout = Some(Seconds(time));
                    self.word(said, word("timeout"));
                }
                ("healthy_threshold", _, _, Some(number)) => {
                    health.healthy_threshold = Some(number);
                    self.word(said, word("healthy-threshold"));
                }
                ("unhealthy_threshold", _, _, Some(number)) => {
                    health.unhealthy_threshold = Some(number);
                    self.word(said, word("unhealthy-threshold"));
                }
                ("grace_period", _, Some(time), _) => {
                    ingress.grace_period = Some(Seconds(time));
                    self.word(said, "ingress.grace-period");
                }
                ("port", Some(port), ..) if tcp(port) == Some(ingress.port) => {
                    self.book.usual(said, "the port that takes the requests");
                }
                ("port", ..) => self.list(said, "managr asks the port that takes the requests: let it answer there"),
                _ => {}
            }
        }
        ingress.health_check = Some(health);
    }
}
