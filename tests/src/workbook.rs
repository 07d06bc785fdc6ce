//! A workbook that no writer of ours makes.

/// The least compound file that says that its content is encrypted.
pub fn workbook_with_password() -> Vec<u8> {
    let mut file = vec![0; 512 * 4];
    file[..8].copy_from_slice(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);
    file[24..32].copy_from_slice(&[0x3E, 0, 3, 0, 0xFE, 0xFF, 9, 0]);
    file[32] = 6;
    let mut put = |at: usize, value: u32| file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    let (free, end, table) = (u32::MAX, u32::MAX - 1, u32::MAX - 2);
    put(44, 1); // sectors of the table
    put(48, 1); // first sector of the directory
    put(56, 4_096);
    put(60, end);
    put(68, end);
    (76..512).step_by(4).for_each(|at| put(at, free));
    put(76, 0); // the table is sector 0
    (512..1_024).step_by(4).for_each(|at| put(at, free));
    put(512, table);
    put(516, end);
    for (entry, name, kind) in [(0, "Root Entry", 5), (1, "EncryptedPackage", 2)] {
        let at = 1_024 + entry * 128;
        for (index, unit) in name.encode_utf16().enumerate() {
            file[at + index * 2..at + index * 2 + 2].copy_from_slice(&unit.to_le_bytes());
        }
        file[at + 64] = (name.len() as u8 + 1) * 2;
        file[at + 66] = kind;
        file[at + 68..at + 80].fill(0xFF);
        file[at + 116..at + 120].copy_from_slice(&end.to_le_bytes());
    }
    file
}
