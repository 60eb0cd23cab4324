//! Programs that run beside a test.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use crate::Host;

/// A program that is ended with its owner.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Starts a command and listens to what it says.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (sender, lines) = mpsc::channel();
        let streams: [Option<Box<dyn std::io::Read + Send>>; 2] = [
            child.stdout.take().map(|out| Box::new(out) as _),
            child.stderr.take().map(|err| Box::new(err) as _),
        ];
        for stream in streams.into_iter().flatten() {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Self { child, lines }
    }

    /// Waits until the program says a line that contains `word`, ten seconds at most.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_for(&self, word: &str) {
        let mut said = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(10)) {
            if line.contains(word) {
                return;
            }
            said.push(line);
        }
        panic!("the program never said {word:?}, but: {said:#?}");
    }

    /// Tells the process number. `ip netns exec` becomes the program, so that it is the program's.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program ends, and tells its exit status; `None` if a signal ended it.
    pub fn code(&mut self) -> Option<i32> {
        self.child.wait().ok()?.code()
    }

    /// Asks the program to end, waits for it, and gives what it said and was not waited for.
    pub fn interrupt(&mut self) -> Vec<String> {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let _ = self.child.wait();
        self.lines.iter().collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A capture that is under way.
#[derive(Debug)]
pub struct Capture {
    program: Program,
    path: PathBuf,
}

impl Capture {
    pub(crate) fn start(host: &Host, interface: &str, filter: &str) -> Self {
        let name = format!("{}-{interface}.pcap", host.namespace());
        let path = env::temp_dir().join(name);
        let _ = fs::remove_file(&path);
        let mut command = host.command("tcpdump");
        command.args([
            "-Z",
            "root",
            "-U",
            "--immediate-mode",
            "-nn",
            "-s",
            "0",
            "-i",
            interface,
            "-w",
        ]);
        command.arg(&path).arg(filter);
        let program = Program::start(command);
        program.wait_for("listening on");
        Self { program, path }
    }

    /// Ends the capture and tells where it is; the file goes away with this value.
    pub fn finish(&mut self) -> &Path {
        self.program.interrupt();
        &self.path
    }

    /// Ends the capture and prints it by tcpdump with the given flags, a line a packet.
    ///
    /// # Panics
    /// When tcpdump cannot be run.
    pub fn print(&mut self, flags: &[&str]) -> Vec<String> {
        self.finish();
        let output = Command::new("tcpdump")
            .args(flags)
            .arg("-r")
            .arg(&self.path)
            .output()
            .expect("tcpdump");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
