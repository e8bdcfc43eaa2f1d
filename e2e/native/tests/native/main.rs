//! The platform on the native engine: the product's own binary, real containers, and what a client sees of them.
//!
//! One binary, because most of a test's time is waiting: tests wait beside each other. Each has a platform of its own.

mod balancer;
mod connect;
mod databases;
mod deploys;
mod full_disk;
mod https;
mod images;
mod init;
mod killed;
mod logs;
mod metrics;
mod names;
mod overlap;
mod refused;
mod restarts;
mod rolling;
mod run;
mod scaling;
mod schedules;
mod sessions;
mod tasks;
mod updates;
mod vars;
