/** Writes a generated body as XML. */
import type { Body } from './body.ts';
import type { Construct } from './constructs.ts';
import type { Dice } from './dice.ts';
import type { Written } from './dialects.ts';

/** The text, and what of it is a construct of XML alone. */
export function writeXml({ entries, constructs }: Body, dice: Dice): Written {
  const found = new Set(constructs);
  const eol = dice.pick(['\n', '\n', '\r\n', '']);
  const isInner = dice.once(4);
  const indent = dice.pick(['  ', '\t', '']);
  const lines: string[] = [];
  if (dice.once(3)) lines.push('<?xml version="1.0" encoding="UTF-8"?>');
  if (dice.once(30)) {
    found.add('unread form');
    lines.push('<!DOCTYPE uwsgi>');
  }
  if (isInner) lines.push('<config>');
  lines.push(dice.once(8) ? '<uwsgi id="shop">' : '<uwsgi>');
  for (const { key, value } of entries) {
    if (dice.once(10)) lines.push(`${indent}<!-- <threads>8</threads> -->`);
    lines.push(indent + element(key, value ?? '', dice, found));
  }
  lines.push('</uwsgi>');
  if (isInner) lines.push('</config>');
  return { text: lines.join(eol) + (dice.once(3) ? '' : eol), constructs: found };
}

function element(key: string, value: string, dice: Dice, found: Set<Construct>): string {
  if (value === '') return dice.once(2) ? `<${key}/>` : `<${key}></${key}>`;
  const escaped = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const form = dice.weighted({ plain: 30, blanks: 3, lines: 1, comment: 1, cdata: 1, entity: 1, attribute: 1 });
  switch (form) {
    case 'plain':
      return `<${key}>${escaped}</${key}>`;
    case 'blanks':
      return `<${key}> ${escaped} </${key}>`;
    case 'attribute':
      return `<${key} note="it's">${escaped}</${key} >`;
    case 'cdata':
      return `<${key}><![CDATA[${value}]]></${key}>`;
    case 'lines':
      found.add('build form');
      return `<${key}>\n${escaped}\n</${key}>`;
    case 'comment':
      found.add('build form');
      return `<${key}><!-- many -->${escaped}</${key}>`;
    case 'entity':
      found.add('build form');
      return `<${key}>&#${value.codePointAt(0) ?? 0};${escaped.slice(1)}</${key}>`;
  }
}
