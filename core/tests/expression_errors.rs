//! Texts that are no expressions, and what is said of each.
//!
//! `expression_errors.txt` holds, for each text, a line `> TEXT` (with `\n` for a line feed and
//! `\t` for a tab), what is rendered of it, and an empty line.

use tcpexposure_core::expression;

#[test]
fn errors_and_their_reports() {
    let golden = include_str!("expression_errors.txt");
    let mut made = String::new();
    let texts = golden.lines().filter_map(|line| line.strip_prefix("> "));
    for written in texts.clone() {
        let text = written.replace("\\n", "\n").replace("\\t", "\t");
        made.push_str("> ");
        made.push_str(written);
        made.push('\n');
        let error = expression::parse(&text).expect_err(&text);
        error.render(&text, &mut made).unwrap();
        made.push('\n');
    }
    assert!(texts.count() >= 25);
    assert_eq!(made, golden, "{made}");
}
