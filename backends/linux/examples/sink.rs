//! Drops everything that an interface receives, in the driver, until it is ended; the interface
//! counts. `cargo run -p tcpexposure-linux --example sink -- INTERFACE [pass]`, with CAP_BPF and
//! CAP_NET_ADMIN. With `pass`, everything goes on as it would: a veth whose other end has a program
//! takes frames that are redirected.

use std::{env, error::Error, io, io::Read};

use tcpexposure_linux::{
    Interface,
    bpf::{Assembler, Kind, Mode, Program, verdict},
};

fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("which interface?")?;
    let mut code = Assembler::new();
    let pass = env::args().nth(2).is_some_and(|word| word == "pass");
    code.give(if pass { verdict::PASS } else { verdict::DROP });
    let program = Program::load(Kind::Xdp, &code)?;
    let _link = program.attach(Interface::named(&name)?.index, Mode::Native)?;
    println!("READY");
    // Until whoever started it closes its input.
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
