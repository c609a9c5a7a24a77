import { DASHBOARD_FILES } from './dashboards/dashboard-files.ts';
import { writeFiles } from './write-files.ts';

writeFiles(DASHBOARD_FILES);
