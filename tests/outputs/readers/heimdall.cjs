// What Heimdall makes of an HDF file: [[profile, [[control, status, severity, waived, attested, finding details]]]].
const {createRequire} = require('module')
const {readFileSync} = require('fs')
const [cache, file] = process.argv.slice(2)
const inspecjs = createRequire(cache + '/')('inspecjs')
const read = inspecjs.convertFile(readFileSync(file, 'utf8'), true)
if (!read['1_0_ExecJson']) throw new Error(String(read.errors['1_0_ExecJson']))
const profiles = read['1_0_ExecJson'].profiles.map(profile => [profile.name, profile.controls.map(control => {
  const wrapped = inspecjs.hdfWrapControl(control)
  return [control.id, wrapped.status, wrapped.severity, wrapped.waived, wrapped.attested, wrapped.finding_details]
})])
console.log(JSON.stringify(profiles))
