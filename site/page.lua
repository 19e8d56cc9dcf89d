-- page.lua: what build.pl wants of a page beyond pandoc's own work.
--
-- Links to other files get the name that they have on the site, and are listed in the file that the metadata calls links.
-- The first heading becomes the title, the first paragraph the description.  Tables get a box to scroll in, and so do equations.  Math in a
-- fence of its own, as GitHub writes it, becomes a displayed equation.

local links, title, description = {}, nil, nil
local plain = false

-- The name on the site of what a link names.  Other places, and places on the same page, stay as they are.
local function address(target)
  if target:match('^%a[%w+.-]*:') or target:match('^#') or target == '' then return target end
  local file, rest = target:match('^([^#]*)(.*)$')
  if plain then return target end
  links[#links + 1] = file
  if file:match('%.md$') then
    return file:gsub('README%.md$', 'index.html'):gsub('%.md$', '.html') .. rest
  end
  if file:match('%.png$') or file:match('%.svg$') or file:match('%.jpg$') then return target end
  return file .. '.html' .. rest
end

-- Whole sentences while they fit into what a search engine shows; the first one in any case.
local function shorten(text)
  text = text:gsub('%s+', ' ')
  local out = ''
  for sentence in (text .. ' '):gmatch('(.-[.!?]) ') do
    if #out > 0 and #out + #sentence > 200 then break end
    out = out .. (#out > 0 and ' ' or '') .. sentence
  end
  return #out > 0 and out or text
end

-- pandoc writes upright and double-struck letters by an attribute that browsers no longer know; as text, and as the
-- letters of their own that Unicode has, they look as they should.
local function letters(tex)
  local own = { C = 0x2102, H = 0x210D, N = 0x2115, P = 0x2119, Q = 0x211A, R = 0x211D, Z = 0x2124 }
  tex = tex:gsub('\\mathrm(%b{})', '\\text%1')
  return (tex:gsub('\\mathbb{(%u)}', function(c) return utf8.char(own[c] or 0x1D538 + c:byte() - 65) end))
end

-- <img> as HTML, for its width, becomes an image like the others.
local function raw_image(el)
  local src = el.format == 'html' and el.text:match('^<img%s.*src="([^"]*)"')
  if not src then return nil end
  return pandoc.Image({ pandoc.Str(el.text:match('alt="([^"]*)"') or '') }, address(src), '', { width = el.text:match('width="(%d+)"') })
end

local function top(doc)
  plain = doc.meta.plain ~= nil
  for i, block in ipairs(doc.blocks) do
    if block.t == 'Header' and block.level == 1 and not title then
      title = block
      doc.blocks:remove(i)
      break
    end
  end
  for _, block in ipairs(doc.blocks) do
    if block.t == 'Para' and not description and block.content[1].t ~= 'Image' then description = shorten(pandoc.utils.stringify(block)) end
  end
  return doc
end

local function finish(doc)
  if title then
    local name = pandoc.utils.stringify(title)
    doc.meta.title = pandoc.MetaInlines(title.content)
    doc.meta.pagetitle = name:match('autoenc%.h') and name or name .. ' · autoenc.h'
    doc.meta.titleid = title.identifier
  end
  if description then doc.meta.description = description end
  -- A page with few parts needs no list of them.
  local parts = 0
  for _, block in ipairs(doc.blocks) do if block.t == 'Header' and block.level == 2 then parts = parts + 1 end end
  if parts > 3 then doc.meta.manyparts = true end
  local out = assert(io.open(pandoc.utils.stringify(doc.meta.links), 'w'))
  for _, link in ipairs(links) do out:write(link, '\n') end
  out:close()
  return doc
end

return {
  { Pandoc = top },
  {
    Link = function(el) el.target = address(el.target) return el end,
    Image = function(el) el.src = address(el.src) return el end,
    Code = function(el) if #el.text <= 24 and not el.text:find(' ') then el.classes = { 'short' } return el end end,   -- no break at a hyphen
    RawInline = raw_image,
    Table = function(el) return pandoc.Div({ el }, { class = 'scroll' }) end,
    CodeBlock = function(el)
      if el.classes[1] == 'math' then return pandoc.Para({ pandoc.Math('DisplayMath', el.text) }) end
    end,
  },
  { Math = function(el)
      el.text = letters(el.text)
      if el.mathtype == 'DisplayMath' then return pandoc.Span({ el }, { class = 'equation' }) end
      if #el.text > 30 then return pandoc.Span({ el }, { class = 'long' }) end
      return el
    end },
  { Pandoc = finish },
}
