//! Drops everything that an interface receives, in the driver, until it is ended; the interface
//! counts. `cargo run -p tcpexposure-linux --example sink -- INTERFACE`, with CAP_BPF and
//! CAP_NET_ADMIN.

use std::{env, error::Error, io, io::Read};

use tcpexposure_linux::{
    Interface,
    bpf::{Assembler, Kind, Mode, Program, verdict},
};

fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("which interface?")?;
    let mut code = Assembler::new();
    code.give(verdict::DROP);
    let program = Program::load(Kind::Xdp, &code)?;
    let _link = program.attach(Interface::named(&name)?.index, Mode::Native)?;
    println!("READY");
    // Until whoever started it closes its input.
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
