'use strict';
/** An element with children; text becomes text, never markup. */
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Paragraphs of a description, with `code` set as code. */
function prose(text) {
  return (text ?? '').split(/\n\s*\n/).filter(Boolean).map((paragraph) => {
    const parts = paragraph.split('`').map((part, index) =>
      (index % 2 ? element('code', '', part) : part));
    return element('p', '', ...parts);
  });
}

const nameOf = (schema) => schema?.$ref?.split('/').pop();

/** A type in a few words, linked to its schema where it has one. */
function type(schema) {
  if (!schema) return '';
  const name = nameOf(schema);
  if (name) {
    const link = element('a', '', name);
    link.href = `#schema-${name}`;
    return link;
  }
  if (schema.oneOf || schema.anyOf) {
    const parts = (schema.oneOf ?? schema.anyOf).flatMap((one) => [' | ', type(one)]).slice(1);
    return element('span', '', ...parts);
  }
  const types = [schema.type ?? 'any'].flat();
  if (types.includes('array')) return element('span', '', 'array of ', type(schema.items));
  if (schema.additionalProperties) {
    return element('span', '', 'map to ', type(schema.additionalProperties));
  }
  return types.join(' | ');
}

function table(heads, rows) {
  return element('div', 'wide', element('table', '',
    element('thead', '', element('tr', '', ...heads.map((head) => element('th', '', head)))),
    element('tbody', '', ...rows.map((cells) =>
      element('tr', '', ...cells.map((cell) => element('td', '', ...[cell].flat())))))));
}

function content(bodies) {
  return Object.entries(bodies ?? {}).flatMap(([kind, body]) => {
    const line = element('p', '', element('code', '', kind), ' ', type(body.schema));
    return body.example ? [line, element('pre', '', String(body.example))] : [line];
  });
}

function operation(path, method, one) {
  const parts = [element('summary', '', element('span', 'method', method.toUpperCase()),
    element('code', '', path), ' ', element('span', 'soft', one.summary ?? ''))];
  parts.push(...prose(one.description));
  const security = one.security ?? [];
  const open = !security.length || security.some((way) => !Object.keys(way).length);
  const token = !security.length ? 'No token.'
    : open ? 'A token, or a program on the hub\'s own machine.' : 'Needs a token.';
  parts.push(element('p', 'soft', token, one['x-leaves-receipt'] ? ' Leaves a receipt.' : ''));
  if (one.parameters?.length) {
    parts.push(element('h2', '', 'Parameters'), table(['name', 'in', 'type', ''],
      one.parameters.map((parameter) => [element('code', '', parameter.name),
        parameter.in + (parameter.required ? ', required' : ''), type(parameter.schema),
        prose(parameter.description)])));
  }
  if (one.requestBody) {
    parts.push(element('h2', '', 'Body'), ...prose(one.requestBody.description),
      ...content(one.requestBody.content));
  }
  parts.push(element('h2', '', 'Answers'), table(['status', '', 'body'],
    Object.entries(one.responses).map(([status, answer]) =>
      [status, prose(answer.description), content(answer.content)])));
  return element('details', '', ...parts);
}

function schema(name, one) {
  const parts = one.allOf ?? [one];
  const rows = parts.flatMap((part) => (nameOf(part) ? [['', type(part), '']]
    : Object.entries(part.properties ?? {}).map(([field, of]) =>
      [element('code', '', field),
        [type(of), (part.required ?? []).includes(field) ? '' : ' (optional)'],
        prose(of.description)])));
  const made = element('details', '', element('summary', '', element('code', '', name)),
    ...prose(one.description), table(['field', 'type', ''], rows));
  made.id = `schema-${name}`;
  return made;
}

(async () => {
  const document_ = await (await fetch('/openapi.json')).json();
  const main = document.getElementById('main');
  const { title, version } = document_.info;
  document.getElementById('title').textContent = `${title} API ${version}`;
  main.append(...prose(document_.info.description));
  const operations = Object.entries(document_.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, one]) => ({ path, method, one })));
  for (const tag of document_.tags) {
    main.append(element('h2', '', tag.description),
      ...operations.filter(({ one }) => one.tags.includes(tag.name))
        .map(({ path, method, one }) => operation(path, method, one)));
  }
  main.append(element('h2', '', 'Schemas'), ...Object.entries(document_.components.schemas)
    .map(([name, one]) => schema(name, one)));
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target) { target.open = true; target.scrollIntoView(); }
  };
  addEventListener('hashchange', open);
  open();
})();
