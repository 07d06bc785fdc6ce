-- Written once: SQLite has no roles that could lack the right to change a receipt.
CREATE TRIGGER receipt_is_not_changed BEFORE UPDATE ON receipt
BEGIN
    SELECT RAISE(ABORT, 'a receipt is never changed');
END;

CREATE TRIGGER receipt_is_not_deleted BEFORE DELETE ON receipt
BEGIN
    SELECT RAISE(ABORT, 'a receipt is never deleted');
END;

CREATE TRIGGER receipt_rows_are_not_changed BEFORE UPDATE ON receipt_rows
BEGIN
    SELECT RAISE(ABORT, 'the digests of a receipt are never changed');
END;

CREATE TRIGGER receipt_rows_are_not_deleted BEFORE DELETE ON receipt_rows
BEGIN
    SELECT RAISE(ABORT, 'the digests of a receipt are never deleted');
END;
