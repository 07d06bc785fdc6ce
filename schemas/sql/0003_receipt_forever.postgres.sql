-- Written once. Roles keep the hub's own login from changing receipts; this keeps everybody else.
CREATE FUNCTION receipt_is_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% never %', TG_ARGV[0],
        CASE TG_OP WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END;
END
$$;

CREATE TRIGGER receipt_is_for_ever
    BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt
    FOR EACH STATEMENT EXECUTE FUNCTION receipt_is_for_ever('a receipt is');

CREATE TRIGGER receipt_rows_are_for_ever
    BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt_rows
    FOR EACH STATEMENT EXECUTE FUNCTION receipt_is_for_ever('the digests of a receipt are');
