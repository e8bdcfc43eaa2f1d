//! Every source of an import, read and written: what comes out, what is reported, what is refused.

#[path = "../support/folder.rs"]
mod folder;
#[path = "../support/shop.rs"]
mod shop;

mod anything_pipeline;
mod compose;
mod copilot;
mod live;
mod pipeline;
mod real_sized;
mod taskdef;
mod terraform;
mod terraform_account;
mod terraform_folders;
mod terraform_owned;
mod terraform_reading;
mod terraform_shapes;
mod terraform_state;
mod words;
mod write;
