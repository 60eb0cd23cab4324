//! What holds for any input, by proptest and by the corpora of the fuzzers.

#[path = "../drafts/mod.rs"]
mod drafts;
#[path = "../props/mod.rs"]
mod props;

mod corpora;
mod expression;
mod responder;
mod trial;
