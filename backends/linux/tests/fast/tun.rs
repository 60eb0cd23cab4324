//! The example with a TUN device: our own kernel connects to it, in a namespace of its own.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _},
    net::{IpAddr, Shutdown, SocketAddr, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::lab::{PATIENCE, isolated, run};

/// Finds the example, which is built with all tests but not with one alone.
fn example() -> PathBuf {
    let deps = env::current_exe().unwrap();
    let example = deps.parent().unwrap().parent().unwrap().join("examples/tun");
    if !example.exists() {
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "-q", "--locked", "--example", "tun", "-p", "tcpexposure-linux"]);
        assert!(command.status().unwrap().success());
    }
    example
}

#[test]
fn the_kernel_connects_to_a_responder_behind_a_tun_device() {
    isolated("tun::the_kernel_connects_to_a_responder_behind_a_tun_device", || {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(example()).args(["tun0", "34343"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "answering behind tun0\n");
        run("ip link set tun0 up");
        run("ip address add 10.7.0.1/24 dev tun0");
        run("ip address add fd07::1/64 dev tun0 nodad");
        for host in ["10.7.0.2", "fd07::2"] {
            let target = SocketAddr::new(host.parse::<IpAddr>().unwrap(), 34343);
            let mut stream = TcpStream::connect_timeout(&target, PATIENCE).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            // Who says goodbye hears it as well.
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    });
}
