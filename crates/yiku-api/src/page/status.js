'use strict';
const WORDS = {
  zh: {
    docs: '接口文档', other: 'English', token: '访问令牌', show: '查看', at: '统计时间',
    pulled: '已取', accepted: '合格', rejected: '不合格', now: '当前', settled: '已静止',
    working: '处理中', connectors: '连接器', libraries: '基础库',
    subscriptions: '订阅', violations: '问题', quarantine: '隔离区', waiting: '待归集', name: '名称',
    role: '角色', source: '来源', sink: '去向', about: '目录或授权', state: '状态',
    running: '运行', paused: '已暂停', stopped: '已停止', succeeded_at: '最近成功', error: '最近错误',
    entity: '实体', rows: '行数', history_rows: '历史', conflicts: '冲突', offered: '应交付',
    delivered: '已交付', withheld: '按授权不交付', parked: '搁置', folded: '已合并', dropped: '已放弃',
    code: '代码', count: '次数', entry: '目录', hub: '本中心', subject: '内容', refused: '未交付原因',
    open: '待处理', queued: '待重跑', redriven: '已重跑', returned: '已退回', overtaken: '已被取代',
    none: '暂无', clock: '系统时钟早于最新回执（秒），请检查时间同步', away: '无法取得状态，正在重试',
  },
  en: {
    docs: 'API', other: '中文', token: 'Token', show: 'Show', at: 'Counted at',
    pulled: 'pulled', accepted: 'accepted', rejected: 'rejected', now: 'now',
    settled: 'at rest', working: 'at work',
    connectors: 'Connectors', libraries: 'Libraries', subscriptions: 'Subscriptions',
    violations: 'Violations', quarantine: 'Quarantine', waiting: 'Waiting for merge', name: 'name',
    role: 'role', source: 'source', sink: 'sink', about: 'entry or grant',
    state: 'state', running: 'running', paused: 'paused', stopped: 'stopped',
    succeeded_at: 'last good run', error: 'last error', entity: 'entity', rows: 'rows',
    history_rows: 'history', conflicts: 'conflicts', offered: 'offered', delivered: 'delivered',
    withheld: 'withheld', parked: 'parked', folded: 'folded', dropped: 'dropped', code: 'code',
    count: 'times', entry: 'entry', hub: 'hub', subject: 'of', refused: 'not delivered because',
    open: 'open', queued: 'queued', redriven: 'redriven', returned: 'returned',
    overtaken: 'overtaken', none: 'none yet',
    clock: 's: the clock is behind the newest receipt, check time synchronisation', away: 'the status cannot be had; trying again',
  },
};
let language = navigator.language.startsWith('zh') ? 'zh' : 'en';
let token = '';
let last = null;

const word = (key) => WORDS[language][key] ?? key;
const byId = (id) => document.getElementById(id);
const number = (value) => Number(value ?? 0).toLocaleString('en-US');
const locale = () => (language === 'zh' ? 'zh-CN' : 'en-GB');
const moment = (text) => (text ? new Date(text).toLocaleString(locale()) : '');

/** An element with children; text becomes text, never markup. */
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function tile(title, value, className) {
  return element('div', 'tile', element('b', className, value), title);
}

/** Columns: [heading, cell of a row, whether it is a number]. */
function table(title, rows, columns) {
  const head = columns.map(([name, , numeric]) =>
    element('th', numeric ? 'number' : '', word(name)));
  const line = (row) => element('tr', '', ...columns.map(([, cell, numeric]) =>
    element('td', numeric ? 'number' : '', numeric ? number(cell(row)) : String(cell(row) ?? ''))));
  const body = rows.length
    ? element('div', 'wide', element('table', '',
      element('thead', '', element('tr', '', ...head)),
      element('tbody', '', ...rows.map(line))))
    : element('p', 'soft', word('none'));
  return element('section', '', element('h2', '', word(title)), body);
}

const count = (name) => [name, (row) => row[name], true];
const text = (name) => [name, (row) => row[name]];
const said = (name) => [name, (row) => word(row[name])];

function show() {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  byId('docs').textContent = word('docs');
  byId('language').textContent = word('other');
  byId('ask-label').textContent = word('token');
  byId('ask-button').textContent = word('show');
  if (!last) return;
  byId('at').textContent = `${word('at')} ${moment(last.at)} · ${last.version}`;
  const work = last.settled ? ['settled', 'good'] : ['working', ''];
  byId('main').replaceChildren(
    element('div', 'tiles',
      tile(word('pulled'), number(last.rows.pulled)),
      tile(word('accepted'), number(last.rows.accepted)),
      tile(word('rejected'), number(last.rows.rejected)),
      tile(word('now'), word(work[0]), work[1]),
      ...(last.clock_behind_s ? [tile(word('clock'), number(last.clock_behind_s))] : [])),
    table('connectors', last.connectors, [text('name'), said('role'),
      ['about', (row) => row.entry ?? row.grant], said('state'), count('pulled'), count('accepted'),
      count('rejected'), ['succeeded_at', (row) => moment(row.succeeded_at)],
      ['error', (row) => (language === 'zh' ? row.error_zh : row.error)]]),
    table('libraries', last.libraries,
      [text('entity'), count('rows'), count('history_rows'), count('conflicts')]),
    table('subscriptions', last.subscriptions, [text('name'), text('subject'), count('offered'),
      count('delivered'), count('withheld'), count('parked'), count('folded'), count('dropped'),
      text('refused')]),
    table('violations', last.violations, [text('code'), count('count')]),
    table('quarantine', last.quarantine, [said('state'), count('count')]),
    table('waiting', last.waiting, [text('entry'), count('rows')]),
  );
}

async function look() {
  try {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const answer = await fetch('/api/v1/status', { headers });
    const body = await answer.json();
    byId('ask').hidden = answer.status !== 401;
    byId('problem').hidden = answer.ok;
    byId('problem').textContent = answer.ok ? '' : body[language];
    if (answer.ok) last = body;
  } catch {
    byId('problem').hidden = false;
    byId('problem').textContent = word('away');
  }
  show();
}

byId('language').addEventListener('click', () => {
  language = language === 'zh' ? 'en' : 'zh';
  show();
});
byId('ask').addEventListener('submit', (event) => {
  event.preventDefault();
  token = byId('token').value.trim();
  look();
});
show();
(async () => {
  for (;;) {
    if (!document.hidden) await look();
    await new Promise((done) => setTimeout(done, 3000));
  }
})();
