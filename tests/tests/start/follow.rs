//! Does what a README says: runs its `sh` blocks, looks for its `text` blocks in what they print.

use std::{
    env, fs, iter,
    process::{Command, Stdio},
};

use yiku_tests::{Ended, Hub, yiku_path};

/// A README in a folder made by `yiku init`.
pub struct Guide {
    hub: Hub,
    text: String,
}

/// What a fenced block of a README asks for.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Commands, to be run.
    Run(String),
    /// Words that the commands before must have printed.
    Printed(String),
}

impl Guide {
    /// Makes a folder and opens its README of this name.
    pub fn new(readme: &str) -> Self {
        let hub = Hub::initialised();
        let text = fs::read_to_string(hub.folder().join(readme)).unwrap();
        Self { hub, text }
    }

    /// Its fenced blocks, in order.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            let Some(kind) = line.strip_prefix("```") else { continue };
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            steps.push(match kind {
                "sh" => Step::Run(block.join("\n")),
                "text" => Step::Printed(block.join("\n")),
                other => panic!("a block of another kind: {other}"),
            });
        }
        steps
    }

    /// Follows it to its end, where the hub serves and then stops when it is told to.
    pub fn follow(mut self) {
        self.links_lead_somewhere();
        let mut steps = self.steps();
        assert_eq!(steps.pop(), Some(Step::Run("yiku serve".into())), "it ends with serving");
        let mut printed = String::new();
        for step in steps {
            match step {
                Step::Run(commands) => {
                    let ended = self.shell(&commands);
                    assert!(ended.success, "{commands}\n{ended:?}");
                    printed = ended.stdout;
                }
                Step::Printed(words) => assert!(printed.contains(&words), "{words}\n{printed}"),
            }
        }
        let mut serve = Command::new(yiku_path());
        serve.arg("serve").current_dir(self.hub.folder());
        self.hub.start_as(serve);
        for (path, word) in [("/", "<html"), ("/docs", "<html")] {
            let (status, page) = self.hub.http("GET", path, &[], b"");
            assert!(status == 200 && page.contains(word), "{path}: {status} {page}");
        }
        let interrupted = Command::new("kill").args(["-INT", &self.hub.id().to_string()]).status();
        assert!(interrupted.unwrap().success());
        assert!(self.hub.ends(), "it stops well by Ctrl-C: {}", self.hub.log());
    }

    fn shell(&self, commands: &str) -> Ended {
        let programs = yiku_path().parent().unwrap().to_owned();
        let others = env::var_os("PATH").unwrap_or_default();
        let paths = iter::once(programs).chain(env::split_paths(&others));
        let output = Command::new("sh")
            .args(["-e", "-c", commands])
            .current_dir(self.hub.folder())
            .env("PATH", env::join_paths(paths).unwrap())
            .stdin(Stdio::null())
            .output()
            .expect("there is a shell");
        Ended::of(output)
    }

    fn links_lead_somewhere(&self) {
        for link in self.text.split("](").skip(1) {
            let (target, _) = link.split_once(')').unwrap();
            assert!(self.hub.folder().join(target).exists(), "{target}");
        }
    }
}
