//! From expressions on the command line to bytes, for `craft` and `send` alike.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tcpexposure_core::{
    craft::{Draft, Network},
    expression::{self, Expression},
    scan::{
        cookie::Key,
        targets::Target as Asked,
        template::{Choice, Ports, Shot, Template},
    },
    time::Instant,
};

use crate::{
    exit::{Exit, Failure},
    target::Target,
};

/// What generated values are made of, beside the addresses and ports: `probe` makes the same ones of
/// the same seed, place and time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The seed of the key.
    pub(crate) seed: u64,
    /// The place of the segment among all that are sent, from 0.
    pub(crate) place: u64,
    /// How often the same segment was sent before.
    pub(crate) repeat: u32,
    /// The time.
    pub(crate) time: Instant,
}

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
/// before what the command line says. Generated values are those of a probe at this moment.
pub(crate) fn craft(
    text: &str,
    expression: &Expression<'_>,
    source: SocketAddr,
    destination: SocketAddr,
    moment: Moment,
) -> Result<Vec<u8>, Failure> {
    let from = expression.source.unwrap_or(source.ip());
    let to = expression.destination.unwrap_or(destination.ip());
    let network = Network::between(from, to).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{from} and {to} are not of one IP version"))
            .hint("give --from an address of the target's version")
    })?;
    let defaults = Draft { network, window: WINDOW, ..Draft::default() };
    let draft = expression.draft(defaults).map_err(|error| rejected(text, &error))?;
    let one = Ports::one(expression.source_port.unwrap_or(source.port()));
    let range = expression.source_ports.and_then(|(first, last)| Ports::range(first, last));
    let choice = Choice::only(Key::of_seed(moment.seed), range.unwrap_or(one));
    let port = expression.destination_port.unwrap_or(destination.port());
    let target = Asked { address: to, port, variant: 0 };
    let Moment { place, repeat, time, .. } = moment;
    let (mut bytes, mut packet) = (vec![0; draft.length()], vec![0; draft.length()]);
    Template::new(&draft, &expression.generated, choice, &mut bytes)
        .map_err(|error| {
            Failure::new(Exit::Usage, format!("{text:?} cannot be written: {error}"))
                .hint("force the field that is too small, as with `doff 15` or `(len 0)`")
        })?
        .write(&mut packet, &Shot { target, place, repeat, time });
    Ok(packet)
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
pub(super) fn rejected(text: &str, error: &expression::Diagnostic) -> Failure {
    let mut report = String::new();
    let _ = error.render(text, &mut report);
    Failure::rendered(Exit::Usage, &report)
}

/// The window of a segment that states none: Linux's own first one.
pub(super) const WINDOW: u16 = 64240;
/// The source port where none is stated and none is guarded.
pub(crate) const SOURCE_PORT: u16 = 40000;
