//! The bodies of the property tests. A body takes what a fuzzer gives it and panics if a property
//! does not hold; the functions that it calls serve the generators of proptest too.

pub(crate) mod craft;
pub(crate) mod exchange;
pub(crate) mod expression;
pub(crate) mod options;
pub(crate) mod packet;
pub(crate) mod path;
pub(crate) mod quote;
pub(crate) mod rebuild;
pub(crate) mod responder;
pub(crate) mod scan;
pub(crate) mod scanner;
pub(crate) mod trace;
pub(crate) mod trial;

/// A body: it takes the bytes that a fuzzer makes.
pub(crate) type Body = fn(&[u8]);

/// The bodies by the names of their fuzz targets, which are those of their corpora too.
pub(crate) const BODIES: &[(&str, Body)] = &[
    ("craft", craft::body),
    ("exchange", exchange::body),
    ("expression", expression::body),
    ("options", options::body),
    ("packet", packet::body),
    ("path", path::body),
    ("quote", quote::body),
    ("responder", responder::body),
    ("scan", scan::body),
    ("scanner", scanner::body),
    ("trace", trace::body),
    ("trial", trial::body),
];

/// Gives `data` to the body of that name.
pub(crate) fn run(name: &str, data: &[u8]) {
    let (_, body) = BODIES.iter().find(|(known, _)| *known == name).expect("the name of a body");
    body(data);
}
