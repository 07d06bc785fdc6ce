//! A workbook around the XML of its sheet.

use flate2::Crc;

/// Parts of the input stand apart by this line: sheet, shared texts, styles.
pub const PARTS: &str = "\n====\n";

/// A workbook of one sheet, its parts stored as they are. Mutations of packed bytes hardly ever
/// reach the reader of cells; mutations of these do.
pub fn workbook(input: &[u8]) -> Vec<u8> {
    let mut parts = split(input).into_iter();
    let mut zip = Zip::default();
    zip.add("xl/workbook.xml", WORKBOOK.as_bytes());
    zip.add("xl/_rels/workbook.xml.rels", RELATIONS.as_bytes());
    for name in ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"] {
        if let Some(part) = parts.next() {
            zip.add(name, part);
        }
    }
    zip.end()
}

fn split(mut input: &[u8]) -> Vec<&[u8]> {
    let mark = PARTS.as_bytes();
    let mut parts = Vec::new();
    while let Some(at) = input.windows(mark.len()).position(|window| window == mark) {
        parts.push(&input[..at]);
        input = &input[at + mark.len()..];
    }
    parts.push(input);
    parts
}

/// A ZIP archive of stored files.
#[derive(Default)]
struct Zip {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    files: u16,
}

impl Zip {
    fn add(&mut self, name: &str, content: &[u8]) {
        let mut crc = Crc::new();
        crc.update(content);
        let size = (content.len() as u32).to_le_bytes();
        // Version, flags, method, time and date; sum and sizes; lengths of name and extra field.
        let mut about = vec![20, 0, 0, 0, 0, 0, 0, 0, 33, 0];
        about.extend(crc.sum().to_le_bytes());
        about.extend(size);
        about.extend(size);
        about.extend((name.len() as u16).to_le_bytes());
        about.extend([0, 0]);
        let offset = (self.bytes.len() as u32).to_le_bytes();
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&about);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(content);
        self.directory.extend(b"PK\x01\x02\x14\x00");
        self.directory.extend(&about);
        self.directory.extend([0; 10]);
        self.directory.extend(offset);
        self.directory.extend(name.as_bytes());
        self.files += 1;
    }

    fn end(mut self) -> Vec<u8> {
        let offset = (self.bytes.len() as u32).to_le_bytes();
        let size = (self.directory.len() as u32).to_le_bytes();
        self.bytes.append(&mut self.directory);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend(self.files.to_le_bytes());
        self.bytes.extend(self.files.to_le_bytes());
        self.bytes.extend(size);
        self.bytes.extend(offset);
        self.bytes.extend([0, 0]);
        self.bytes
    }
}

const WORKBOOK: &str = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        assert_eq!(split(b"a\n====\nb"), [b"a", b"b"]);
        assert_eq!(split(b""), [b""]);
    }
}
