//! What somebody sees who types the program's name and no more.

use crate::{
    exit::{Exit, Failure},
    output::Output,
};

/// Prints the recipes. That no command was named is no success.
pub(crate) fn print(output: &mut Output) -> Result<Exit, Failure> {
    for (command, about) in RECIPES {
        output.line(&format!("{command:<WIDTH$}{about}"))?;
    }
    Ok(Exit::Usage)
}

/// What to begin with.
pub(crate) const RECIPES: &[(&str, &str)] = &[
    ("tcpexposure doctor", "what works here and what mends the rest"),
    ("tcpexposure test --backend sim:nat", "a simulated path: no privilege needed"),
    ("tcpexposure test HOST", "HOST runs `tcpexposure respond`"),
    ("tcpexposure trace HOST:443", "between which hops packets are changed"),
    ("tcpexposure send HOST:80 'S <mss 1460>'", "any segment, and what it is answered"),
];

/// The width of a command.
const WIDTH: usize = 41;

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::commands::Arguments;

    #[test]
    fn each_is_a_line_that_is_understood() {
        assert_eq!(RECIPES.len(), 5);
        for (command, about) in RECIPES {
            assert!(command.len() < WIDTH && WIDTH + about.len() <= 80, "{command}");
            let (words, quoted) = command.split_once(" '").unwrap_or((command, ""));
            let quoted = Some(quoted.trim_end_matches('\'')).filter(|word| !word.is_empty());
            let words = words.split(' ').map(|word| word.replace("HOST", "192.0.2.1"));
            Arguments::try_parse_from(words.chain(quoted.map(str::to_owned))).unwrap();
        }
    }
}
