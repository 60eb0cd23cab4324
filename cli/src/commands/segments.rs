//! From expressions on the command line to bytes, for `craft` and `send` alike.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tcpexposure_core::{
    craft::{Draft, Network},
    expression::{self, Expression},
};

use crate::{
    exit::{Exit, Failure},
    target::Target,
};

/// Reads all expressions; the first that is wrong is shown with a caret under the place.
pub(crate) fn parse(texts: &[String]) -> Result<Vec<Expression<'_>>, Failure> {
    texts
        .iter()
        .map(|text| expression::parse(text).map_err(|error| rejected(text, &error)))
        .collect()
}

/// Tells the IP version that any of the expressions is bound to.
pub(crate) fn version(expressions: &[Expression<'_>]) -> Option<u8> {
    expressions.iter().find_map(Expression::version)
}

/// Crafts one segment between two ends. What the expression says of addresses and ports goes
/// before what the command line says.
pub(crate) fn craft(
    text: &str,
    expression: &Expression<'_>,
    source: SocketAddr,
    destination: SocketAddr,
) -> Result<Vec<u8>, Failure> {
    let from = expression.source.unwrap_or(source.ip());
    let to = expression.destination.unwrap_or(destination.ip());
    let network = Network::between(from, to).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{from} and {to} are not of one IP version"))
            .hint("give --from an address of the target's version")
    })?;
    let defaults = Draft {
        network,
        source_port: expression.source_port.unwrap_or(source.port()),
        destination_port: expression.destination_port.unwrap_or(destination.port()),
        window: WINDOW,
        ..Draft::default()
    };
    let draft = expression.draft(defaults).map_err(|error| rejected(text, &error))?;
    let mut buffer = vec![0; draft.length()];
    draft.write(&mut buffer).map_err(|error| {
        Failure::new(Exit::Usage, format!("{text:?} cannot be written: {error}"))
            .hint("force the field that is too small, as with `doff 15` or `(len 0)`")
    })?;
    Ok(buffer)
}

/// Tells the source for a target: what `--from` says, else no address at all and a fixed port.
pub(crate) fn source(from: Option<&Target>, target: IpAddr) -> Result<SocketAddr, Failure> {
    let unspecified = match target {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let Some(from) = from else { return Ok(SocketAddr::new(unspecified, SOURCE_PORT)) };
    let version = if target.is_ipv4() { 4 } else { 6 };
    let address = from.resolve(Some(version))?.ip();
    Ok(SocketAddr::new(address, from.port.unwrap_or(SOURCE_PORT)))
}

/// Shows where an expression is wrong.
fn rejected(text: &str, error: &expression::Diagnostic) -> Failure {
    let mut report = String::new();
    let _ = error.render(text, &mut report);
    Failure::rendered(Exit::Usage, report)
}

/// The window of a segment that states none: Linux's own first one.
const WINDOW: u16 = 64240;
/// The source port where none is stated and none is guarded.
pub(crate) const SOURCE_PORT: u16 = 40000;
