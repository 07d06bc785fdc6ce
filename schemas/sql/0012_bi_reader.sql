-- Who may read the views for reports: a login of the database server, and the department whose lines it
-- sees; '*' for all departments. The views are PostgreSQL's (0202).
CREATE TABLE bi_reader (
    login      TEXT   NOT NULL,
    department TEXT   NOT NULL,
    added_at   BIGINT NOT NULL,
    PRIMARY KEY (login, department)
);
