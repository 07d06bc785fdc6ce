//! `docs/bad-input.md`: one section a theme, each written or compared by the test of that theme.

use std::{env, fs, sync::Mutex};

/// What a theme's tests saw.
pub struct Table {
    theme: &'static str,
    rows: String,
}

/// What the user reads about one case.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// File and line, command, connector: where it is said to be.
    pub place: String,
    /// In Chinese; empty where there is only English.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Said {
    /// What a command said on standard error.
    pub fn by_command(command: &str, stderr: &str) -> Self {
        let en = stderr.trim().trim_start_matches("error: ").to_owned();
        Self { place: format!("`{command}`"), zh: String::new(), en }
    }

    /// Replaces what differs from run to run: the hub's folder.
    pub fn hide(&mut self, hub: &yiku_tests::Hub) {
        self.replace(&hub.folder().display().to_string(), "/hub");
    }

    /// Replaces a text that differs from run to run.
    pub fn replace(&mut self, from: &str, to: &str) {
        for text in [&mut self.place, &mut self.zh, &mut self.en] {
            *text = text.replace(from, to);
        }
    }

    /// Replaces numbers that depend on how far a reader came.
    pub fn hide_counts(&mut self) {
        for text in [&mut self.zh, &mut self.en] {
            let mut hidden = String::new();
            for piece in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
                match piece.trim_end_matches(|c: char| !c.is_ascii_digit()) {
                    digits if digits.len() > 3 => hidden.push_str(&piece.replace(digits, "…")),
                    _ => hidden.push_str(piece),
                }
            }
            *text = hidden;
        }
    }

    /// The error of a connector, of `yiku status --json`.
    pub fn by_status(status: &serde_json::Value) -> Self {
        let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
        Self { place: text("state"), zh: text("error_zh"), en: text("error") }
    }
}

impl Table {
    /// The table of a theme.
    pub fn new(theme: &'static str) -> Self {
        Self { theme, rows: String::new() }
    }

    /// Adds a case.
    pub fn row(&mut self, case: &str, said: &Said) {
        let (place, zh, en) = (&said.place, &said.zh, &said.en);
        self.rows.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            plain(case),
            plain(place),
            plain(zh),
            plain(en)
        ));
    }

    /// Compares the section of this theme with what was seen, or writes it.
    #[track_caller]
    pub fn compare(self) {
        // Themes are tests of one process.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock();
        let path = yiku_tests::root().join("docs/bad-input.md");
        let text = fs::read_to_string(&path).expect("docs/bad-input.md");
        let (begin, end) = (format!("<!-- {} -->\n", self.theme), "<!-- end -->\n");
        let at = text.find(&begin).unwrap_or_else(|| panic!("no `{}` there", begin.trim()));
        let at = at + begin.len();
        let to = at + text[at..].find(end).expect("a section has an end");
        let seen = format!("{HEAD}{}", self.rows);
        if env::var_os("YIKU_BLESS").is_some() {
            let text = format!("{}{seen}{}", &text[..at], &text[to..]);
            fs::write(&path, text).expect("docs/bad-input.md can be written");
            return;
        }
        let written = &text[at..to];
        let line = written.lines().zip(seen.lines()).find(|(written, seen)| written != seen);
        assert!(
            written == seen,
            "docs/bad-input.md is not what the hub says (YIKU_BLESS=1 writes it):\n{line:#?}\n\
             {} lines there, {} seen",
            written.lines().count(),
            seen.lines().count()
        );
    }
}

/// A cell of a table, without what would end it.
fn plain(text: &str) -> String {
    let escaped = text.trim().replace('|', "\\|").replace('<', "&lt;");
    escaped.lines().map(str::trim).collect::<Vec<_>>().join("<br>")
}

const HEAD: &str = "| Case | Where | 中文 | English |\n|---|---|---|---|\n";
