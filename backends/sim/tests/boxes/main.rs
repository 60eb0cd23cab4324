//! Each box by itself: segments in, exactly these segments out, in both families.

mod bench;
mod data;
mod handshake;
mod headers;
mod hostile;
mod link;
mod nat;
mod numbers;
mod options;
mod proxies;
mod timestamps;

/// Every box is in a test of this file's modules, so that none is forgotten.
#[test]
fn every_box_is_tested() {
    let sources = [
        include_str!("data.rs"),
        include_str!("handshake.rs"),
        include_str!("headers.rs"),
        include_str!("link.rs"),
        include_str!("nat.rs"),
        include_str!("numbers.rs"),
        include_str!("options.rs"),
        include_str!("proxies.rs"),
        include_str!("timestamps.rs"),
    ];
    for row in tcpexposure_sim::catalogue() {
        let name = format!("\"{}\"", row.name);
        assert!(sources.iter().any(|source| source.contains(&name)), "{name} has no test");
    }
}

#[test]
fn names_are_kebab_case_and_unique_and_sentences_are_sentences() {
    let rows = tcpexposure_sim::catalogue();
    for (index, row) in rows.iter().enumerate() {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(row.name.chars().all(fits), "{}", row.name);
        assert!(row.does.ends_with('.'), "{}", row.does);
        assert!(rows[..index].iter().all(|other| other.name != row.name), "{}", row.name);
    }
}
