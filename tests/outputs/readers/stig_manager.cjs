// What STIG Manager makes of a checklist (cklb) or of XCCDF results, with every rule imported whatever its status.
const {createRequire} = require('module')
const {readFileSync} = require('fs')
const [cache, kind, file] = process.argv.slice(2)
const parsers = createRequire(cache + '/')('@nuwcdivnpt/stig-manager-client-modules')
const parse = kind === 'xccdf' ? parsers.reviewsFromXccdf : parsers.reviewsFromCklb
const field = {enabled: 'always', required: 'optional'}
console.log(JSON.stringify(parse({
  data: readFileSync(file, 'utf8'),
  fieldSettings: {detail: field, comment: field},
  allowAccept: false,
  importOptions: {autoStatus: 'saved', unreviewed: 'always', unreviewedCommented: 'notchecked', emptyDetail: 'import', emptyComment: 'import'},
  scapBenchmarkMap: new Map([['xccdf_assay_benchmark_assessment', 'RHEL_10_STIG']]),
  sourceRef: 'test',
})))
