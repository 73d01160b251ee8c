-- Some people, teams and a printer for schema.sql.
INSERT INTO hr.person (person_id, record_type, personnel_no, login, first_name, last_name, full_name, job_title, department, employment, manager_id, office_city, hired_on, left_on) VALUES
    (1, 'P', '0001', 'gfrey', 'Gerda', 'Frey', 'Gerda Frey', 'Managing Director', 'OPS', 'E', NULL, 'Ulm', '2009-03-01', NULL),
    (2, 'P', '0017', 'BJensen', 'Barbara', 'Jensen', 'Barbara Jensen', 'Head of Engineering', 'RD', 'E', 1, 'Ulm', '2011-09-15', NULL),
    (3, 'P', '0042', 'oduarte', 'Óscar', 'Duarte', 'Óscar Duarte', 'Engineer', 'RD', 'C', 2, 'Lisboa', '2016-01-04', NULL),
    (4, 'P', '0043', 'm.o''brien', 'Maeve', 'O''Brien', 'Maeve O''Brien', 'Accountant', 'FIN', 'E', 1, 'Cork', '2016-02-01', '2021-06-30'),
    (5, 'M', NULL, 'printer-3', NULL, NULL, 'Printer on the third floor', NULL, NULL, NULL, NULL, 'Ulm', '2018-01-01', NULL);
INSERT INTO hr.person_email (person_id, kind, address, is_main, verified_at) VALUES
    (1, 'W', 'gerda.frey@example.org', true, '2012-05-07 08:00+02'),
    (2, 'W', 'Barbara.Jensen@example.org', true, '2012-05-07 08:01+02'),
    (2, 'H', 'babs@example.net', false, NULL),
    (3, 'W', 'oscar.duarte@example.org', true, NULL);
INSERT INTO hr.phone (person_id, kind, number) VALUES (1, 'work', '+49 731 1000'), (2, 'work', '+49 731 1001'), (2, 'mobile', '+49 151 1001');
INSERT INTO hr.team (team_id, title, dissolved_at) VALUES (1, 'Engineering', NULL), (2, 'Board', NULL), (3, 'Year 2000', '2000-03-01');
INSERT INTO hr.team_member (team_id, person_id, is_lead) VALUES (1, 2, true), (1, 3, false), (2, 1, true), (2, 2, false), (3, 1, true);
SELECT setval(pg_get_serial_sequence('hr.person', 'person_id'), 1000), setval(pg_get_serial_sequence('hr.team', 'team_id'), 1000);
